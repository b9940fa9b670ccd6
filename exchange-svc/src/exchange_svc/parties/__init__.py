"""Small local copies: persons, companies, mandates and departments, by event from identity."""
