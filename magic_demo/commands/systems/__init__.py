"""Commands on the outputs of whole systems: import them, fuse them, index cases for neighbours."""
