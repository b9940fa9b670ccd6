"""Loaded before any test, and after the coverage measurement has begun."""

import chassis
import gateway  # before the folder of that name can be taken for the package

__all__ = ["chassis", "gateway"]

pytest_plugins = ["chassis.testing.plugin"]
