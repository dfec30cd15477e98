"""Sign-ins of browsers, by the digest of the key in their cookie."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from magic_demo.reviews.store.records import SignIn
from magic_demo.reviews.store.rows.readers import find_row
from magic_demo.reviews.store.tables import ReaderRow, SignInRow


def add_sign_in(session: Session, digest: str, entry: SignIn, now: float) -> None:
    """Keep a sign-in, and forget those that are over. Raises StoreError for an unknown reader."""
    session.execute(sa.delete(SignInRow).where(SignInRow.until <= now))
    reader = find_row(session, entry.name)
    session.add(
        SignInRow(digest=digest, reader_id=reader.id, access=entry.access, until=entry.until, used=entry.used)
    )


def find_sign_in(session: Session, digest: str) -> SignIn | None:
    """Return a sign-in, None where there is none."""
    query = (
        sa.select(ReaderRow.name, SignInRow.access, SignInRow.until, SignInRow.used)
        .join(ReaderRow, ReaderRow.id == SignInRow.reader_id)
        .where(SignInRow.digest == digest)
    )
    row = session.execute(query).one_or_none()
    return None if row is None else SignIn(*row)


def note_use(session: Session, digest: str, used: float) -> None:
    """Note when a sign-in was used last."""
    session.execute(
        sa.update(SignInRow).where(SignInRow.digest == digest, SignInRow.used < used).values(used=used)
    )


def end_sign_in(session: Session, digest: str) -> None:
    """Forget a sign-in."""
    session.execute(sa.delete(SignInRow).where(SignInRow.digest == digest))
