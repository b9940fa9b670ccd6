"""`onenet doctor`: examine every part of a platform and say what to do."""
