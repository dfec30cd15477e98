"""What a program of ours sets for its process before it begins; importing a module sets nothing."""

from __future__ import annotations

import os

from magic_demo.core.limits import check_limits


def prepare_program() -> None:
    """Prepare this process to run a command: its limits, and how torch's threads wait for each other.

    Raises LimitError where the environment sets a limit wrongly.
    """
    check_limits()
    # Read when torch is loaded. A model's threads sleep while they wait for each other: by their own choice they
    # spin, and take the cores from the browser, the other readers and the batch's own stages, so that each waits
    # many times longer.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
