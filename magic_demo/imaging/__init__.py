"""Pixels in memory: resizing, overlays, measures, the wand, consensus masks, run lengths.

May import: core.
"""
