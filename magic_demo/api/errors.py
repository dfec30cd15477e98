"""What goes wrong, as programs are told: a word that never changes, and a line for people. English alone."""

from __future__ import annotations

from collections.abc import Mapping

from magic_demo.core.errors import MagicDemoError, PhotoError, StoreError

STATUSES: Mapping[str, int] = {
    "invalid": 400,
    "not_assigned": 403,
    "no_queue": 404,
    "no_case": 404,
    "no_review": 404,
    "no_job": 404,
    "no_file": 404,
    "nothing_to_predict": 409,
    "too_many_jobs": 429,
    "store": 409,
    "photo": 409,
    "refused": 409,
    "fault": 500,
}
"""Word -> status of HTTP."""


class ApiError(MagicDemoError):
    """What was asked cannot be done. key: one of STATUSES, whose status the answer has."""

    def __init__(self, key: str, template: str, /, **values: object) -> None:
        """Make the error as ``MagicDemoError`` does. key: the word."""
        super().__init__(template, **values)
        self.key = key

    @property
    def status(self) -> int:
        """Return the status of the answer."""
        return STATUSES[self.key]


def name_error(error: MagicDemoError) -> tuple[str, int]:
    """Return the word and the status of any error that a user can mend."""
    if isinstance(error, ApiError):
        return error.key, error.status
    key = (
        "photo" if isinstance(error, PhotoError) else "store" if isinstance(error, StoreError) else "refused"
    )
    return key, STATUSES[key]
