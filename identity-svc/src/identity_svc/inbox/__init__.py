"""Messages to citizens about the steps of their cases."""
