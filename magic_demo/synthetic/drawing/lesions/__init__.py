"""Lesions of synthetic photos: each kind adds pigment, blood, scale, crust, wetness and height to the skin below it.

May import: magic_demo.core, magic_demo.synthetic.drawing.noise.
"""
