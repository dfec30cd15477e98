"""Data that lies elsewhere: addresses, and the files below them, listed and read whole with bounds.

May import: core, and of files what reads encounters and finds photos.
"""
