"""Tokens by which programs speak for readers: made once, kept as digests."""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from magic_demo.core.errors import StoreError
from magic_demo.core.messages import Message
from magic_demo.reviews.store.names import check_name
from magic_demo.reviews.store.records import LOCAL_READER, Token
from magic_demo.reviews.store.rows.readers import as_reader, find_present_row
from magic_demo.reviews.store.tables import ReaderRow, TokenRow

BEGINNING = "mdt_"
"""How every token begins, so that a scanner for secrets knows one."""
LONGEST_PROGRAM = 60
MOST_TOKENS = 100
"""Tokens of one reader that open something."""


def make_token(session: Session, name: str, program: str) -> tuple[str, Token]:
    """Return a new token of a reader, in words and as it is listed. program: what it is for.

    Raises StoreError for a reader that there is not, or one who has as many as are kept.
    """
    reader = find_present_row(session, name)
    program = check_name(program, Message("program"), LONGEST_PROGRAM).strip()
    valid = sa.and_(TokenRow.reader_id == reader.id, TokenRow.revoked_at.is_(None))
    if (session.scalar(sa.select(sa.func.count()).where(valid)) or 0) >= MOST_TOKENS:
        raise StoreError(
            "{reader} has {limit} tokens, and no more are kept; readers revoke ends one",
            reader=reader.name,
            limit=MOST_TOKENS,
        )
    # 256 random bits cannot be guessed from their digest: a slow hash would only cost every request
    words = BEGINNING + secrets.token_urlsafe(32)
    row = TokenRow(
        reader_id=reader.id,
        program=program,
        digest=_digest(words),
        made_at=datetime.now(UTC),
        revoked_at=None,
    )
    session.add(row)
    session.flush()
    return words, _as_token(row, reader)


def find_token(session: Session, words: str) -> Token | None:
    """Return the token of these words, None where it opens nothing (any more), as its reader was removed."""
    query = sa.select(TokenRow, ReaderRow).join(ReaderRow, ReaderRow.id == TokenRow.reader_id)
    found = session.execute(query.where(TokenRow.digest == _digest(words))).first()
    token = _as_token(*found) if found is not None else None
    return token if token is not None and not token.revoked else None


def is_valid(session: Session, number: int) -> bool:
    """Return whether the token of a number opens something."""
    query = sa.select(TokenRow.number).join(ReaderRow, ReaderRow.id == TokenRow.reader_id)
    own = query.where(
        TokenRow.number == number, TokenRow.revoked_at.is_(None), ReaderRow.removed_at.is_(None)
    )
    return session.scalar(own) is not None


def list_tokens(session: Session, *, revoked: bool) -> list[Token]:
    """Return the tokens by number. revoked: those that open nothing any more, too."""
    query = sa.select(TokenRow, ReaderRow).join(ReaderRow, ReaderRow.id == TokenRow.reader_id)
    tokens = [_as_token(row, reader) for row, reader in session.execute(query.order_by(TokenRow.number))]
    return [token for token in tokens if revoked or not token.revoked]


def list_programs(session: Session) -> set[int]:
    """Return the ids of readers who are programs alone: they have a token, and nobody signs in as them."""
    query = sa.select(TokenRow.reader_id).join(ReaderRow, ReaderRow.id == TokenRow.reader_id)
    return set(session.scalars(query.where(ReaderRow.password.is_(None), ReaderRow.folded != LOCAL_READER)))


def revoke_token(session: Session, number: int) -> Token:
    """Let a token open nothing any more. Raises StoreError where there is none of this number."""
    row = session.get(TokenRow, number) if 0 < number < 2**31 else None
    if row is None:
        raise StoreError("there is no token {number}; readers tokens lists them", number=number)
    row.revoked_at = row.revoked_at or datetime.now(UTC)
    reader = session.get_one(ReaderRow, row.reader_id)
    return _as_token(row, reader)


def revoke_tokens_of(session: Session, reader: ReaderRow) -> None:
    """Revoke all of a reader's: who comes back gets new ones."""
    own = sa.and_(TokenRow.reader_id == reader.id, TokenRow.revoked_at.is_(None))
    session.execute(sa.update(TokenRow).where(own).values(revoked_at=datetime.now(UTC)))


def _as_token(row: TokenRow, reader: ReaderRow) -> Token:
    gone = row.revoked_at is not None or reader.removed_at is not None
    return Token(row.number, as_reader(reader), row.program, row.made_at, gone)


def _digest(words: str) -> str:
    return hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest()
