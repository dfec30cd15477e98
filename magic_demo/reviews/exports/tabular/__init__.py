"""Readings as tables, and the one place that writes CSV."""
