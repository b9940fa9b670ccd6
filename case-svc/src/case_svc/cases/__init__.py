"""The life of a case: submission, acceptance, review, decision; its clocks and tasks."""
