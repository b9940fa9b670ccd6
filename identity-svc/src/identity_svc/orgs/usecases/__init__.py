"""The verbs of this room: import regions, set up departments, take on staff, open accounts."""
