"""The evaluation report: one page that opens from disk, and the same figures as JSON."""
