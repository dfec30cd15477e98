"""Models that score the closed questions from photos, or from photos and text."""
