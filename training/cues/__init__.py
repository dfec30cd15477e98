"""Fit and judge the cue model.

May import: magic_demo.core, magic_demo.questions, magic_demo.cues, runs, cases.
"""
