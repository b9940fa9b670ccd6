"""Certificates: issued on decisions, verified by anyone, claimed as materials."""
