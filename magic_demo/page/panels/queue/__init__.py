"""The list of cases to review."""
