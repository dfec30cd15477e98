"""Training of the models that Magic Demo runs: one entry point a model, settings in ``configs/*.yaml``."""
