-- What a sync of acme would have loaded: two conversations on a Monday, of which one is closed.
create schema acme;

create table acme.agents as
select * from (values ('desk', 'a1', 'Ana')) as agents (account, id, name);

create table acme.teams as
select * from (values ('desk', 't1', 'Returns')) as teams (account, id, name);

create table acme.doors as
select * from (values ('desk', 'd1', 'Front page', 'Parley')) as doors (account, id, name, kind);

create table acme.contacts as
select * from (values
    ('desk', 'p1', 'Eva', '+34600000001'),
    ('desk', 'p2', 'Leo', '+34600000002')
) as contacts (account, id, name, phone);

create table acme.conversations as
select * from (values
    ('desk', 'c1', 'p1', 'd1', 't1', 'DONE',
     timestamptz '2026-03-02 09:00:00+00', timestamptz '2026-03-02 09:30:00+00'),
    ('desk', 'c2', 'p2', 'd1', null, 'ACTIVE',
     timestamptz '2026-03-02 10:00:00+00', timestamptz '2026-03-02 10:00:00+00')
) as conversations (account, id, contact_id, door_id, team_id, state, opened_at, moved_at);

create table acme.topics as
select * from (values ('desk', 'c1', 'refund'), ('desk', 'c2', 'refund'))
    as topics (account, conversation_id, topic);

create table acme.ratings as
select * from (values ('desk', 'c1', 'a1', 4::bigint, timestamptz '2026-03-02 09:40:00+00'))
    as ratings (account, conversation_id, agent_id, stars, rated_at);

create table acme.messages as
select * from (values
    ('desk', 'm1', 'c1', 'from_customer', 'p1', 'May I?',
     timestamptz '2026-03-02 09:00:00+00', '1'),
    ('desk', 'm2', 'c1', 'from_agent', 'a1', 'You may.', timestamptz '2026-03-02 09:10:00+00', '1'),
    ('desk', 'm3', 'c1', 'remark', 'a1', 'Again.', timestamptz '2026-03-02 09:12:00+00', '1'),
    ('desk', 'm4', 'c1', 'event', null, 'The case was closed by Ana',
     timestamptz '2026-03-02 09:30:00+00', '1'),
    ('desk', 'm5', 'c2', 'from_customer', 'p2', 'And I?', timestamptz '2026-03-02 10:00:00+00', '1')
) as messages (account, id, conversation_id, kind, author_id, words, sent_at, _dlt_load_id);
