"""The edge: one address in front of four services. No domain words, no database."""
