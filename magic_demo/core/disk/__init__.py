"""Files that somebody else wrote, read with care, and our own, whole or not at all."""
