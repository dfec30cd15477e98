"""The database itself: where it lies, how it is opened and written, when it is on the disk."""
