"""Requests: the application, its routes and their transactions, telemetry, operators' routes."""
