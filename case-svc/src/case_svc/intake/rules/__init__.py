"""Rules about an application: what is sent, what can be wrong, its number."""
