"""Train and judge the models that find the lesion.

May import: magic_demo.core, magic_demo.imaging, magic_demo.files, magic_demo.synthetic, magic_demo.questions,
magic_demo.reviews, magic_demo.models, runs.
"""
