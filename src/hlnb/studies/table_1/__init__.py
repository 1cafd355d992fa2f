"""Table 1 of the report: toy problems 1 to 5 (chapters 01 to 07)."""
