"""What is read and written: photos, encounters, masks, bundles, checkpoints' headers.

May import: core, imaging, questions.
"""
