"""The challenge's batch mode: a folder of encounters becomes files, and files are scored.

May import: core, imaging, questions, files, cues, reviews, models.
"""
