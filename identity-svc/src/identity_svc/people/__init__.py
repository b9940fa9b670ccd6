"""Persons and companies, and how sure the platform is of who they are."""
