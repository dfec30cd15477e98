"""What a reader has changed becomes a draft, and a saved review."""
