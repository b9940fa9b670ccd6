"""Which public lists there are."""
