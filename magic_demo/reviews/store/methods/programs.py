"""What the store is asked for other programs: their tokens, and which finished reviews they are told of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from magic_demo.reviews.store.methods.opened import OpenedStore
from magic_demo.reviews.store.records import PROGRAM, Actor, Finished, Token
from magic_demo.reviews.store.rows import audit_trail
from magic_demo.reviews.store.rows.programs import outbox, tokens


class ProgramMethods(OpenedStore):
    """Tokens, and the outbox of finished reviews."""

    def make_token(self, name: str, program: str, *, by: Actor = PROGRAM) -> tuple[str, Token]:
        """Return a new token of a reader: its words, which are shown once and not kept, and what is listed of
        it. program: what it is for. Raises StoreError."""
        with self._database.writing() as session:
            words, token = tokens.make_token(session, name, program)
            audit_trail.add_entry(session, "token made", by, detail=f"{token.number}, {token.reader.name}")
            return words, token

    def find_token(self, words: str) -> Token | None:
        """Return the token of these words, None where it opens nothing (any more)."""
        with self._database.reading() as session:
            return tokens.find_token(session, words)

    def is_token_valid(self, number: int) -> bool:
        """Return whether the token of a number opens something (still)."""
        with self._database.reading() as session:
            return tokens.is_valid(session, number)

    def tokens(self, *, revoked: bool = False) -> list[Token]:
        """Return the tokens by number. revoked: those that open nothing any more, too."""
        with self._database.reading() as session:
            return tokens.list_tokens(session, revoked=revoked)

    def revoke_token(self, number: int, *, by: Actor = PROGRAM) -> Token:
        """Let a token open nothing any more, and return it. Raises StoreError."""
        with self._database.writing() as session:
            token = tokens.revoke_token(session, number)
            audit_trail.add_entry(session, "token revoked", by, detail=f"{number}, {token.reader.name}")
            return token

    def fill_outbox(self, receiver: str, now: datetime) -> int:
        """Put the reviews that were finished since the last time into a receiver's outbox, and return how many;
        nothing is written where there are none.

        receiver: a digest of its address; a new one hears of nothing that was finished before it.
        """
        with self._database.reading() as session:
            if not outbox.is_behind(session, receiver):
                return 0
        with self._database.writing() as session:
            return outbox.fill_outbox(session, receiver, now)

    def list_due(self, receiver: str, now: datetime, most: int = 20) -> Sequence[tuple[int, int]]:
        """Return (number of the review, tries so far) of those that a receiver is to be told of now."""
        with self._database.reading() as session:
            return outbox.list_due(session, receiver, now, most)

    def claim_due(self, receiver: str, number: int, now: datetime, due_at: datetime) -> bool:
        """Count a try to tell a receiver of a review, which is due again at ``due_at`` unless it is taken out;
        False where another process was first."""
        with self._database.writing() as session:
            return outbox.claim(session, receiver, number, now, due_at)

    def take_out(self, receiver: str, number: int) -> None:
        """Forget that a receiver is to be told of a review."""
        with self._database.writing() as session:
            outbox.take_out(session, receiver, number)

    def finished(self, number: int) -> Finished | None:
        """Return what is told of a finished review, None where it was deleted with its case."""
        with self._database.reading() as session:
            return outbox.find_finished(session, number)
