"""Train and judge the models that answer the closed questions from photos.

May import: magic_demo.core, magic_demo.imaging, magic_demo.questions, magic_demo.files, magic_demo.cues,
magic_demo.models, magic_demo.challenge, runs, cases, segmentation, cues.
"""
