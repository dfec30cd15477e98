"""The keys, their sheet, and what can be undone."""
