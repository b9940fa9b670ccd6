"""The test plugin: a real PostgreSQL per session, a database per worker, a savepoint per test."""
