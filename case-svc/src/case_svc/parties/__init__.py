"""The local copy of persons, companies, mandates, departments and staff."""
