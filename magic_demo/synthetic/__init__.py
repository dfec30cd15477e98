"""Synthetic encounters: what is true of a case, drawn as photos of skin and told as a narrative; the bundled
examples.

noise -> lesions, skin -> scenes draw; truth says what there is to see; narratives tell it; encounters puts
one together.

May import: core, imaging, questions, files.
"""
