"""``POST /servers/{server_id}/action``: one file per action."""
