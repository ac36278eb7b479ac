"""Any daemon, the broker or the database is taken away at any moment; nothing is lost."""
