"""Synthetic photos: skin, noise, and the scenes that a case is taken in."""
