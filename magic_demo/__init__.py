"""Magic Demo: see where a model finds a skin lesion and how it answers 27 closed questions, and disagree with
it."""

__version__ = "0.1.0"
