"""Readings as a training set: its files, its card, and its digests."""
