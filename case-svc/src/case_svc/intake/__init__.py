"""The applicant's half: drafts, submission, corrections, promised materials, withdrawal."""
