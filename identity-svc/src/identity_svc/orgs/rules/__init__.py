"""Division codes, names, passwords and roles: plain Python without I/O."""
