"""What every run of training shares: settings file, trainer, averaging, augmentation, report pages.

May import: magic_demo.core, magic_demo.files, magic_demo.models.
"""
