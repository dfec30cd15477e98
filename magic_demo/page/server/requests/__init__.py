"""What a request may hold, and what becomes of one that fails."""
