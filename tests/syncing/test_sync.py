"""A sync of one connection: lists that are forbidden, chosen or broken off, and what it tells."""

from importlib import import_module
from pathlib import Path

import pytest

from support.account import DAY, Account, Open
from talkhouse.pipelines.syncing.load_chunk import Loader
from talkhouse.pipelines.syncing.plans import UnknownList
from talkhouse.pipelines.warehouse.duckdb_file import DuckDbWarehouse
from talkhouse.pipelines.warehouse.interface import WarehouseError
from talkhouse.simulator import World
from talkhouse.simulator import credentials as keys
from talkhouse.sources.dlt_source.run import Run


@pytest.mark.parametrize(
    "provider, path, name",
    [
        ("chatwoot", "/csat_survey_responses", "csat_responses"),
        ("chatwoot", "/accounts/1/contacts", "contacts"),
        ("chatwoot", "/accounts/1/agents", "agents"),
        ("octopush", "/agents/list", "agents"),
    ],
)
def test_a_list_that_is_forbidden_is_skipped_and_the_rest_is_loaded(
    provider: str, path: str, name: str, account_of: Open
) -> None:
    account = account_of(provider, settings={"messages": False})
    account.fault("status", path, status=403)
    outcome = account.synced()
    assert set(account.warehouse.tables(provider)) >= account.expected().keys()
    assert "answered 403; use a token of an administrator" in outcome.report.lists[name].skipped
    assert account.differences().keys() <= {name, "contact_inboxes"}
    account.simulator.faults.clear()
    account.later()
    account.synced()
    assert account.differences() == {}


def test_an_agents_token_loads_what_the_agent_sees(account_of: Open) -> None:
    account = account_of("chatwoot", settings={"messages": False})
    account.settings["api_access_token"] = keys.CHATWOOT_AGENT
    outcome = account.synced()
    assert "use a token of an administrator" in outcome.report.lists["csat_responses"].skipped
    seen = [c.id for c in account.world.served("chatwoot") if c.channel_id in (4, 10)]
    assert account.column("conversations", "id") == sorted(seen)
    assert account.rows("csat_responses", ["id"]) == []


def test_a_token_that_is_refused_ends_the_run(account_of: Open) -> None:
    account = account_of("chatwoot")
    account.settings["api_access_token"] = "wrong"
    outcome = account.sync()
    assert not outcome.ok
    assert "answered 401; check account_id and api_access_token" in outcome.error


def test_an_account_of_others_is_refused(account_of: Open) -> None:
    account = account_of("chatwoot")
    account.settings["account_id"] = keys.FOREIGN_ACCOUNT_ID
    assert "check account_id and api_access_token" in account.sync().error


@pytest.mark.parametrize("auth", ["api_token", "authorization_token", "token_header"])
def test_activecampaign_takes_the_key_in_the_header_that_is_set(
    auth: str, account_of: Open
) -> None:
    account = account_of("activecampaign", activecampaign_auth=auth)
    account.settings["auth"] = auth
    account.synced()
    assert account.differences() == {}


def test_only_the_chosen_lists_are_read(account_of: Open) -> None:
    account = account_of("chatwoot")
    account.synced(only=["agents", "teams"])
    assert {path.rpartition("/")[2] for path in _paths(account)} == {"api", "agents", "teams"}
    assert account.warehouse.tables("chatwoot") == ["agents", "drift", "rejects", "teams"]
    account.later()
    account.synced()
    assert account.differences() == {}


def test_messages_alone_are_those_of_the_conversations_that_are_loaded(account_of: Open) -> None:
    account = account_of("octopush")
    account.synced(only=["conversations"])
    assert "messages" not in account.warehouse.tables("octopush")
    account.synced(only=["messages"])
    # but for one row, to know the server's time
    assert account.asked("/conversations/list") == account.asked(query="per_page=1") == 1
    assert account.asked() == account.asked("/messages/list") + 1
    assert account.differences().keys() == {"agents"}


def test_a_list_that_there_is_not_is_refused(account_of: Open) -> None:
    account = account_of("hilos")
    with pytest.raises(UnknownList, match="there is no list message; there are conversations, "):
        account.sync(only=["message"])


def test_threads_are_left_out_where_messages_are_not_wanted(account_of: Open) -> None:
    account = account_of("octopush")
    account.settings["messages"] = False
    account.synced()
    assert account.asked("/messages/") == 0
    assert account.warehouse.tables("octopush") == ["agents", "conversations", "drift", "rejects"]


def test_an_outcome_tells_what_was_done(account_of: Open) -> None:
    account = account_of("octopush")
    outcome = account.synced()
    expected = {table: len(rows) for table, rows in account.expected().items()}
    assert outcome.rows == expected | {"drift": 0, "rejects": 0}
    assert outcome.requests == len(account.simulator.requests)
    assert outcome.ok and outcome.seconds > 0
    assert (outcome.connection, outcome.provider) == ("shop", "octopush")


def test_every_row_says_which_load_brought_it(filled: Open) -> None:
    account = filled("hilos")
    loads = {row["load_id"] for row in account.warehouse.rows("select * from hilos._dlt_loads")}
    for table in account.warehouse.tables("hilos"):
        assert set(account.column(table, "_dlt_load_id")) <= loads


def test_only_the_threads_that_changed_are_read_again(filled: Open) -> None:
    account = filled("chatwoot")
    account.later()
    changed = account.oldest()
    account.world.new_message(changed, kind="incoming")
    account.synced()
    assert account.asked("/messages") == 1
    assert account.asked(f"/conversations/{changed}/messages") == 1
    assert account.differences() == {}


def test_a_thread_longer_than_an_answer_is_read_on(account_of: Open) -> None:
    account = account_of("chatwoot", World(conversations=3))
    conversation = account.converse()
    for _ in range(230):
        account.world.new_message(conversation, kind="incoming")
    account.synced()
    assert account.asked(f"/conversations/{conversation}/messages") == 3
    assert account.differences() == {}


def test_octopush_messages_of_other_conversations_are_refused(
    account_of: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = account_of("octopush", World(conversations=40))
    # an id that the filter does not recognise, so that it is ignored
    threads = import_module("talkhouse.sources.octopush.threads")
    monkeypatch.setattr(threads, "prefixed", lambda conversation_id: "unknown")
    error = account.sync().error
    assert "answered with messages of other conversations; the conversation_id filter" in error
    assert account.rows("messages", ["message_id"]) == []
    monkeypatch.undo()
    account.later()
    account.synced()
    assert account.differences() == {}


def test_a_thread_that_fails_leaves_the_lists_loaded(account_of: Open) -> None:
    account = account_of("chatwoot")
    account.fault("status", "/messages", status=500, after=3)
    assert "/messages answered 500" in account.sync().error
    assert account.differences().keys() == {"messages", "message_reads", "attachments"}
    account.simulator.faults.clear()
    account.later()
    account.synced()
    assert account.differences() == {}


def test_a_conversation_that_goes_before_its_thread_is_read_is_no_error(account_of: Open) -> None:
    account = account_of("chatwoot")
    gone = account.oldest()
    account.before(
        f"/conversations/{gone}/messages", lambda: account.world.delete_conversation(gone)
    )
    account.synced()
    account.later()
    assert account.synced().requests < 12
    assert account.differences(gone=list(account.expected())) == {}


def test_attachments_of_a_deleted_message_go_when_its_thread_is_read(account_of: Open) -> None:
    account = account_of("pembalasan")
    message = account.world.new_message(account.converse(), kind="outgoing", attachment="file")
    account.synced()
    assert message.id in account.column("attachments", "message_id")
    account.world.delete_message(message.id)
    account.later()
    account.synced()
    assert message.id not in account.column("attachments", "message_id")
    assert account.differences() == {}


def test_a_contact_that_is_not_known_there_leaves_the_others_loaded(account_of: Open) -> None:
    account = account_of("pembalasan")
    known = account.identifiers
    account.identifiers = ["nobody", *known, "stranger"]
    account.synced()
    account.identifiers = known
    assert account.differences() == {}


def test_a_merged_contact_is_followed(filled: Open) -> None:
    account = filled("chatwoot")
    account.later()
    account.world.merge_contacts()
    account.later(DAY)
    account.synced(full=True)
    tables = account.differences(gone=["contacts", "contact_inboxes"]).keys()
    assert tables <= {"messages"}  # what they repeat of their senders


def test_a_killed_run_is_gone_on_with(account_of: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    account = account_of("hilos", World(conversations=40))

    class Killed(BaseException):
        pass

    loaded = Loader.load

    def killed_at_the_third(loader: Loader, run: Run) -> None:
        if len(account.warehouse.tables("hilos")) and _count(account) >= 2:
            raise Killed
        loaded(loader, run)

    monkeypatch.setattr(Loader, "load", killed_at_the_third)
    with pytest.raises(Killed):
        account.sync(chunk_rows=3)
    monkeypatch.undo()
    assert account.differences() != {}
    account.later()
    account.synced()
    assert account.differences() == {}


def test_the_state_comes_from_the_warehouse_when_the_folder_is_lost(
    filled: Open, tmp_path: Path
) -> None:
    account = filled("hilos")
    account.later()
    account.folder = tmp_path / "another"
    assert account.synced().report.lists["conversations"].mode == "recent"
    assert account.differences() == {}


def test_a_warehouse_may_not_be_named_like_its_own_dataset(tmp_path: Path) -> None:
    with pytest.raises(WarehouseError, match="hides its own dataset chatwoot"):
        DuckDbWarehouse(tmp_path / "chatwoot.duckdb")


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "talkhouse.duckdb"
    file.write_text("not a database, but long enough to be looked at by one" * 20)
    with pytest.raises(WarehouseError, match="cannot be opened"):
        DuckDbWarehouse(file)


def _paths(account: Account) -> set[str]:
    return {request.path for request in account.simulator.requests}


def _count(account: Account) -> int:
    return len(account.warehouse.rows("select * from hilos._dlt_loads"))


def test_where_no_contact_is_known_it_is_the_address_that_is_wrong(account_of: Open) -> None:
    account = account_of("pembalasan")
    account.settings["inbox_identifier"] = "another"
    assert "answered 404; check base_url" in account.sync().error


def test_a_contact_that_is_not_known_costs_nothing_else(account_of: Open) -> None:
    account = account_of("pembalasan")
    account.settings["contact_identifiers"] = ["stranger", *account.identifiers, "stranger too"]
    account.synced()
    assert account.differences() == {}


def test_a_thread_that_cannot_be_read_is_quarantined_and_tried_again(account_of: Open) -> None:
    account = account_of("chatwoot")
    poisoned = account.world.served("chatwoot")[-1].id
    account.fault("status", f"/conversations/{poisoned}/messages", status=500)
    outcome = account.synced()
    assert outcome.report.lists["messages"].quarantined == [poisoned]
    [reason] = account.column("rejects", "reason")
    assert reason.startswith(f"messages of conversation {poisoned} cannot be read: chatwoot: GET ")
    assert reason.endswith("answered 500")
    assert account.differences().keys() == {"messages", "message_reads"}
    account.simulator.faults.clear()
    account.later()
    assert account.synced().report.lists["messages"].pages == 1
    assert account.differences() == {}


def test_reads_that_were_noted_by_a_load_that_was_cut_off_are_not_trusted(
    filled: Open,
) -> None:
    account = filled("chatwoot")
    [load] = account.warehouse.rows("select distinct _dlt_load_id as id from chatwoot.messages")
    for cut in ("messages where _dlt_load_id", "_dlt_loads where load_id"):
        account.warehouse.connection.execute(f"delete from chatwoot.{cut} = ?", [load["id"]])
    account.synced()
    assert account.differences() == {}


def test_a_list_that_is_forbidden_half_way_is_read_again(account_of: Open) -> None:
    account = account_of("chatwoot", settings={"messages": False})
    account.fault("status", "/accounts/1/contacts", query="page=2", status=402)
    assert account.synced().report.lists["contacts"].skipped
    account.simulator.faults.clear()
    account.synced()
    assert account.differences() == {}


@pytest.mark.parametrize("kind, how", [("status", {"status": 404}), ("html", {}), ("no_rows", {})])
def test_a_list_that_ends_before_its_count_is_not_whole(
    kind: str, how: dict[str, int], account_of: Open
) -> None:
    account = account_of("hilos", World(conversations=60))
    account.fault(kind, "/inbox/conversation", after=4, **how)
    assert not account.sync().ok
    account.simulator.faults.clear()
    account.synced()
    assert account.differences() == {}


def test_a_window_that_was_broken_off_is_not_taken_for_another(account_of: Open) -> None:
    account = account_of("hilos", settings={"page_size": 5})
    began = sorted(each.created_at for each in account.world.served("hilos"))
    first, middle = began[0].isoformat(), began[len(began) // 2].isoformat()
    account.fault("status", "/inbox/conversation", after=2, status=500)
    only = ["conversations"]
    assert not account.sync(since=first, until=middle, only=only, chunk_rows=3).ok
    account.simulator.faults.clear()
    account.synced(since=middle, only=only)
    wanted = {
        each.uuid
        for each in account.world.served("hilos")
        if each.created_at >= began[len(began) // 2]
    }
    assert wanted <= set(account.column("conversations", "id"))


def test_a_list_that_fails_leaves_the_others_loaded(account_of: Open) -> None:
    account = account_of("chatwoot")
    account.fault("status", "/accounts/1/contacts", status=500)
    outcome = account.sync()
    assert "/contacts answered 500" in outcome.error
    assert outcome.report.lists["contacts"].error == outcome.error
    assert account.differences().keys() <= {"contacts", "contact_inboxes"}
    account.simulator.faults.clear()
    account.later()
    account.synced()
    assert account.differences() == {}
