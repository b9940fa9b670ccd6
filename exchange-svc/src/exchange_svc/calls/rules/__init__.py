"""The hash chain of the access ledger, and what a query may ask."""
