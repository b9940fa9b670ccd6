"""PostgreSQL: engines, sessions, the chassis' own tables, migrations."""
