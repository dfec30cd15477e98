"""Cases with answers, shared by what learns from words and from photos: sources, folds, metrics.

May import: magic_demo.core, magic_demo.imaging, magic_demo.questions, magic_demo.files, magic_demo.cues,
magic_demo.synthetic, runs.
"""
