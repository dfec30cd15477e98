"""Mask files of the challenge: found, decoded, what their values mean, which way they lie, written."""
