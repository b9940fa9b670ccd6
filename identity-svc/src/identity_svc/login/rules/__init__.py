"""PKCE, redirect addresses, scopes and throttling: plain Python without I/O."""
