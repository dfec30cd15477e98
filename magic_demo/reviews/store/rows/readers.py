"""Readers: names, roles, passwords."""

from __future__ import annotations

import hashlib
import unicodedata
from datetime import UTC, datetime
from functools import lru_cache

import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy.orm import Session

from magic_demo.core.errors import StoreError
from magic_demo.core.messages import Message
from magic_demo.reviews.store.names import check_name, fold_name, is_line
from magic_demo.reviews.store.records import LOCAL_READER, READER_ROLES, Reader, ReaderRole
from magic_demo.reviews.store.tables import AssignmentRow, CaseRow, ReaderRow, ReviewRow

LONGEST_READER_NAME = 60
SHORTEST_PASSWORD = 8
LONGEST_PASSWORD = 1000

_hasher = PasswordHasher()


def hash_password(password: str) -> str:
    """Return the argon2id hash of a password. Raises StoreError for one that is too short or too long."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise StoreError(
            "a password has {least} to {most} characters, this one {count}; take another one",
            least=SHORTEST_PASSWORD,
            most=LONGEST_PASSWORD,
            count=len(password),
        )
    return _hasher.hash(_bytes(password))


def verify_password(stored: str | None, password: str) -> bool:
    """Return whether a password is the hashed one; without a hash it takes as long, and is not."""
    try:
        _hasher.verify(stored or _nobodys_hash(), _bytes(password[: LONGEST_PASSWORD + 1]))
    except (VerificationError, InvalidHashError):
        return False
    return stored is not None


def _bytes(password: str) -> bytes:
    # one password typed on two keyboards is one password; a lone surrogate is some other password, not a
    # failure
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")


@lru_cache(maxsize=1)
def _nobodys_hash() -> str:
    return _hasher.hash("nobody has this password, and nobody is signed in by it")


def find_row(session: Session, name: str) -> ReaderRow:
    """Return a reader's row, removed or not. Raises StoreError when there is none."""
    row = find_row_if_any(session, name)
    if row is None:
        raise StoreError(
            "there is no reader {name!r}; python -m magic_demo readers list names those that there are",
            name=name[:LONGEST_READER_NAME],
        )
    return row


def find_row_if_any(session: Session, name: str) -> ReaderRow | None:
    """Return a reader's row, removed or not, or None."""
    if not is_line(name):  # what no database keeps is nobody's name
        return None
    return session.scalar(sa.select(ReaderRow).where(ReaderRow.folded == fold_name(name)))


def find_present_row(session: Session, name: str) -> ReaderRow:
    """Return the row of a reader who may read and write.

    Raises StoreError when there is none or it was removed.
    """
    row = find_row(session, name)
    if row.removed_at is not None:
        raise StoreError("reader {name!r} was removed; readers add {name} brings them back", name=row.name)
    return row


def role_of(row: ReaderRow) -> ReaderRole:
    """Return a row's role. Raises StoreError for one that this program does not know."""
    for role in READER_ROLES:
        if role == row.role:
            return role
    raise StoreError(
        "reader {name!r} has the unknown role {role!r}; readers role gives another one",
        name=row.name,
        role=row.role,
    )


def as_reader(row: ReaderRow) -> Reader:
    """Return what the store hands out of a row."""
    # the hash has a new salt every time
    access = hashlib.sha256(row.password.encode()).hexdigest() if row.password is not None else ""
    return Reader(
        row.name, role_of(row), row.password is not None, row.added_at, row.removed_at is not None, access
    )


def add_reader(session: Session, name: str, role: ReaderRole, password_hash: str | None) -> Reader:
    """Add a reader, or bring a removed one back."""
    clean = unicodedata.normalize("NFC", check_name(name, Message("reader"), LONGEST_READER_NAME)).strip()
    check_role(role)
    row = find_row_if_any(session, clean)
    if row is None:
        row = ReaderRow(name=clean, folded=fold_name(clean), added_at=datetime.now(UTC), removed_at=None)
        session.add(row)
    elif row.removed_at is None:
        raise StoreError(
            "there is a reader {name!r} already; choose another name, or readers password {name} "
            "for a new password",
            name=row.name,
        )
    row.role, row.password, row.removed_at = role, password_hash, None
    session.flush()
    return as_reader(row)


def check_role(role: str) -> None:
    """Raise StoreError for a role that there is not."""
    if role not in READER_ROLES:
        raise StoreError("{role!r} is no role; expected {known}", role=role, known=list(READER_ROLES))


def list_readers(session: Session, *, removed: bool) -> list[Reader]:
    """Return the readers, the local one first, then by name."""
    rows = session.scalars(sa.select(ReaderRow)).all()
    readers = [
        as_reader(row) for row in sorted(rows, key=lambda row: (row.folded != LOCAL_READER, row.folded))
    ]
    return [reader for reader in readers if removed or not reader.removed]


def remove_reader(session: Session, name: str) -> int:
    """End a reader's access: no password, no assignments but for uploads that are theirs alone. Their reviews stay;
    returns how many."""
    row = _find_changeable(session, name)
    row.password, row.removed_at = None, datetime.now(UTC)
    shared = sa.select(AssignmentRow.case_number).where(AssignmentRow.reader_id != row.id)
    # without an assignment an upload would be everybody's
    uploads = sa.select(CaseRow.number).where(CaseRow.photos_kept, CaseRow.number.not_in(shared))
    session.execute(
        sa.delete(AssignmentRow).where(
            AssignmentRow.reader_id == row.id, AssignmentRow.case_number.not_in(uploads)
        )
    )
    return (
        session.scalar(sa.select(sa.func.count()).select_from(ReviewRow).where(ReviewRow.reader_id == row.id))
        or 0
    )


def set_password(session: Session, name: str, password_hash: str) -> None:
    """Give a reader a new password."""
    _find_changeable(session, name).password = password_hash


def set_role(session: Session, name: str, role: ReaderRole) -> None:
    """Give a reader another role."""
    check_role(role)
    find_present_row(session, name).role = role


def _find_changeable(session: Session, name: str) -> ReaderRow:
    row = find_present_row(session, name)
    if row.folded == LOCAL_READER:
        raise StoreError(
            "the local reader is who reads without signing in: it has no password and cannot be "
            "removed; add a reader with a name"
        )
    return row
