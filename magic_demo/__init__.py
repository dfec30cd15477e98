"""Magic Demo: see where a model finds a skin lesion and how it answers 27 closed questions, and disagree with
it."""

import os

__version__ = "0.1.0"

# Read when torch is loaded. A model's threads sleep while they wait for each other: by their own choice they
# spin, and take the cores from
# the browser, the other readers and the batch's own stages, so that each waits many times longer.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
