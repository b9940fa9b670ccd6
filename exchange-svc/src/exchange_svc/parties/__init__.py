"""Local copies of identity's persons, companies, mandates and departments."""
