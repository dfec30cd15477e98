"""What a database's errors mean for whoever meets them."""

from __future__ import annotations

from magic_demo.core.errors import one_line
from magic_demo.core.messages import Message

_MEANINGS = (
    ("database is locked", Message("another program holds the database; close it, or try again")),
    ("lock timeout", Message("another write holds the database; try again")),
    (
        "readonly database",
        Message("it cannot be written; check the permissions of the file and of its folder"),
    ),
    (
        "unable to open database file",
        Message("it cannot be opened; check the path and the permissions of the folder"),
    ),
    (
        "not a database",
        Message("it is no SQLite database, or a damaged one; take another file or restore a backup"),
    ),
    ("malformed", Message("the database is damaged; restore a backup")),
    ("could not decode", Message("a text in it is damaged; restore a backup")),
    ("disk is full", Message("the disk is full; make room")),
    (
        "disk i/o error",
        Message("the disk cannot be read or written; check it, and that it is no network folder"),
    ),
    ("password authentication failed", Message("the server refuses user or password; check the URL")),
    ("does not exist", Message("there is no such database, user or table; check the URL")),
    ("permission denied", Message("the user may not do this there; grant the rights")),
    ("foreign key constraint", Message("a row speaks of another that is not there; take another backup")),
    ("unique constraint", Message("a row is there twice; take another backup")),
    (
        "can't create a connection",
        Message("the server does not answer; check that it runs, its host and port"),
    ),
    ("network error", Message("the server does not answer any more; check that it runs")),
)
_UNKNOWN = Message("see what the database says")


def explain(error: BaseException) -> tuple[Message, str]:
    """Return what an error of a database means, and what the database says, in one line without any value of
    a row."""
    cause = getattr(error, "orig", None) or error
    text = cause.args[0] if cause.args else cause
    text = text["M"] if isinstance(text, dict) and "M" in text else text  # pg8000 gives the server's fields
    # what a damaged row holds may be a patient's words
    line = one_line(Exception(str(text).partition(" with text ")[0]), 160)
    meaning = next((meaning for part, meaning in _MEANINGS if part in line.lower()), _UNKNOWN)
    return meaning, line
