{{ union_staged('teams', ['account', 'team_id', 'team_name', 'deleted_at']) }}
