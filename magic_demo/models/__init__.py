"""The models and what they run on. torch lives here alone.

May import: core, imaging, questions, files, cues.
"""
