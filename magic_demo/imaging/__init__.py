"""Pixels in memory: resizing, overlays, measures, local changes of an outline, consensus masks, run lengths.

May import: core.
"""
