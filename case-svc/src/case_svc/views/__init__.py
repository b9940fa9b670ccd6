"""What is shown of cases and tasks: plain SELECTs that return typed rows. Nothing changes here."""
