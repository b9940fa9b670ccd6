"""Loaded before any test: the folder `gateway` must not be taken for the package of that name."""

import chassis
import gateway

__all__ = ["chassis", "gateway"]
