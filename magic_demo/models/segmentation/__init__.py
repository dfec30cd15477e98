"""Models that find the lesion."""
