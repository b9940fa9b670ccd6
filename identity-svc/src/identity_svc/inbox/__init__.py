"""Messages that tell a citizen what happened to a case."""
