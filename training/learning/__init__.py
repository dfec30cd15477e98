"""Learn from reviews: from the readers' disagreement to a better model.

May import: magic_demo.core, magic_demo.imaging, magic_demo.files, magic_demo.synthetic, magic_demo.questions,
magic_demo.cues, magic_demo.reviews, magic_demo.models, runs, cases, segmentation, answers.
"""
