"""Rules of supervision: lights, periods, indicators, what is watched."""
