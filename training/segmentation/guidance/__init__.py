"""Train and judge the decoder that follows clicks and boxes.

May import: magic_demo.core, magic_demo.imaging, magic_demo.files, magic_demo.synthetic, magic_demo.questions,
magic_demo.models, runs, segmentation.
"""
