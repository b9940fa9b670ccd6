"""Regions, departments, staff and roles, and the accounts with which people sign in."""
