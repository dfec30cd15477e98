"""Who gives a command, for the audit trail."""

from __future__ import annotations

import getpass

from magic_demo.reviews.store import Actor


def find_actor() -> Actor:
    """Return the account of this computer that a command runs under, no name where it has none."""
    try:
        return Actor(getpass.getuser(), "command")
    except (OSError, KeyError, ImportError, AttributeError):
        # a container may run under a number without a name
        return Actor("", "command")
