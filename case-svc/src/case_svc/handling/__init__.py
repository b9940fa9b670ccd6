"""The officers' half: claims of tasks, acceptance, review, procedures, decision."""
