"""The nine cards of the closed questions."""
