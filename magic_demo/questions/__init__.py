"""The closed questions: their wording, and how scores become answers and chances.

May import: core, imaging.
"""
