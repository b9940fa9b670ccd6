"""Accesses to personal data: footprints for the citizen, a hash-chained ledger for auditors."""
