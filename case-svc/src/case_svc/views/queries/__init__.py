"""One module for each view: its SELECTs and the rows they return."""
