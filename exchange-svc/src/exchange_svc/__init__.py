"""Data between departments: certificates, claims, footprints, the access ledger."""
