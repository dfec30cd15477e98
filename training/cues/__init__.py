"""Fit and judge the text cues.

May import: magic_demo.core, magic_demo.questions, magic_demo.cues, runs, cases.
"""
