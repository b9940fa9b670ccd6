"""The one shared library: functions and types every service needs, no domain noun.

Nothing is re-exported here; `from chassis.db import Session` tells the reader where to look.
"""
