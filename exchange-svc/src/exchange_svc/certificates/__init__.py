"""Certificates issued on decisions, their verification, and claims of them as materials."""
