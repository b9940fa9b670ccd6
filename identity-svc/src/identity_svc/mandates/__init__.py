"""Who may act for whom: companies through their agents, persons through each other."""
