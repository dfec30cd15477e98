"""What training draws or lays together itself: feet and hands, further lesions and things on a photo.

May import: magic_demo.core, magic_demo.synthetic, runs.
"""
