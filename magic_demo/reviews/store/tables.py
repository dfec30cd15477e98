"""The tables, as SQLAlchemy sees them. A change here needs a migration beside it; a test compares the two."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import (
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    Index,
    MetaData,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

UNREADABLE_TIME = datetime(9000, 1, 1, tzinfo=UTC)
"""In place of a time in a damaged row: so late that nothing is purged for its age."""


class UtcTime(TypeDecorator[datetime]):
    """A time with its zone, always UTC: SQLite keeps no zone, PostgreSQL gives back the server's."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None]:
        """Read a time; what is no time any more is ``UNREADABLE_TIME``, so that a damaged row does not hide
        the others."""
        read = super().result_processor(dialect, coltype) or (lambda value: value)

        def read_damaged(value: Any) -> datetime | None:
            try:
                time: datetime | None = read(value)
                return time
            except (ValueError, TypeError):
                return UNREADABLE_TIME

        return read_damaged

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Bring a time to UTC; SQLite gets it without the zone."""
        if value is None:
            return None
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - the base class's signature
        """Return a time in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Tables(DeclarativeBase):
    """The base of all tables. Constraints have names, so that a later migration can speak of them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: UtcTime, str: Text, float: Double}


class ReaderRow(Tables):
    """A reader. folded: the name by which it is found. password: an argon2 hash, None where there is no
    signing in."""

    __tablename__ = "readers"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    folded: Mapped[str] = mapped_column(unique=True)
    role: Mapped[str]
    password: Mapped[str | None]
    added_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]


class CaseRow(Tables):
    """A case in its queue. number: never used again, so that nothing of a deleted case can be taken for
    another's.

    added_at: None where it was added by a version that did not keep it. photos: the ids of its photos, a JSON
    list; None where not known. doubts: ``Doubts.pack``, None where no model was asked.
    """

    __tablename__ = "cases"
    __table_args__ = (UniqueConstraint("queue", "case_id"), {"sqlite_autoincrement": True})
    number: Mapped[int] = mapped_column(primary_key=True)
    queue: Mapped[str]
    case_id: Mapped[str]
    position: Mapped[int]
    folder: Mapped[str | None]
    photos_kept: Mapped[bool]
    uncertainty: Mapped[float | None]
    added_at: Mapped[datetime | None]
    photos: Mapped[str | None]
    doubts: Mapped[str | None]


class QueueRow(Tables):
    """What is settled for a queue; one without a row has nothing of its own.

    questions: what its reviews answer, as ``pack_questions`` packs them, and question_digest of their meaning; None:
    what the program was started with. order_seed: by which each reader's order of the cases is drawn; None: all have
    the queue's. again_of: the queue whose cases these are once more, washout_days later at the earliest.
    lesions_apart: whether readers take its lesions one by one; None: they do not.
    """

    __tablename__ = "queues"
    queue: Mapped[str] = mapped_column(primary_key=True)
    questions: Mapped[str | None]
    question_digest: Mapped[str | None]
    order_seed: Mapped[str | None]
    again_of: Mapped[str | None]
    washout_days: Mapped[float | None]
    lesions_apart: Mapped[bool | None]


class AssignmentRow(Tables):
    """A case that is this reader's; a case without any row is everybody's."""

    __tablename__ = "assignments"
    case_number: Mapped[int] = mapped_column(ForeignKey("cases.number"), primary_key=True)
    reader_id: Mapped[int] = mapped_column(ForeignKey("readers.id"), primary_key=True)


class ReviewRow(Tables):
    """A saved review. content: everything but the columns here, as JSON, masks by their digests. digest: of
    what was sent, but the seconds.

    kind: as it was settled, which may be another one than was sent. complete: finished with nothing left
    open; missing: what a finished one left open, a JSON list. known: what the reader had been shown when it
    was saved, words joined by spaces.
    """

    __tablename__ = "reviews"
    __table_args__ = (Index(None, "case_number", "reader_id"), {"sqlite_autoincrement": True})
    number: Mapped[int] = mapped_column(primary_key=True)
    case_number: Mapped[int] = mapped_column(ForeignKey("cases.number"))
    reader_id: Mapped[int] = mapped_column(ForeignKey("readers.id"))
    saved_at: Mapped[datetime]
    kind: Mapped[str]
    state: Mapped[str]
    flagged: Mapped[bool]
    differs: Mapped[bool]
    seconds: Mapped[float]
    content: Mapped[str]
    digest: Mapped[str]
    taken_back_from: Mapped[int | None]
    complete: Mapped[bool]
    missing: Mapped[str]
    known: Mapped[str]


class MaskRow(Tables):
    """A mask of a case, kept once however many reviews hold it; ``height``, ``width`` and ``counts`` are
    MaskRuns'."""

    __tablename__ = "masks"
    case_number: Mapped[int] = mapped_column(ForeignKey("cases.number"), primary_key=True)
    digest: Mapped[str] = mapped_column(primary_key=True)
    height: Mapped[int]
    width: Mapped[int]
    counts: Mapped[str]


class SaveKeyRow(Tables):
    """Which review a client's save led to, so that the same save sent again leads to it once more."""

    __tablename__ = "save_keys"
    reader_id: Mapped[int] = mapped_column(ForeignKey("readers.id"), primary_key=True)
    client_key: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(ForeignKey("reviews.number"), index=True)


class PredictionRow(Tables):
    """What models said of a case, kept once however often it was shown. content: what
    ``bundles.pack_prediction`` returns; digest: of it."""

    __tablename__ = "predictions"
    case_number: Mapped[int] = mapped_column(ForeignKey("cases.number"), primary_key=True)
    digest: Mapped[str] = mapped_column(primary_key=True)
    content: Mapped[str]


class ShowingRow(Tables):
    """That a reader was shown what models said of a case; a prediction that follows itself is one showing."""

    __tablename__ = "showings"
    case_number: Mapped[int] = mapped_column(ForeignKey("cases.number"), primary_key=True)
    reader_id: Mapped[int] = mapped_column(ForeignKey("readers.id"), primary_key=True)
    shown_at: Mapped[datetime] = mapped_column(primary_key=True)
    digest: Mapped[str]


class SeenRow(Tables):
    """That a reader was shown of a case what others say ("others"), or, elsewhere than beside the case, what
    the model says ("model")."""

    __tablename__ = "seen"
    case_number: Mapped[int] = mapped_column(ForeignKey("cases.number"), primary_key=True)
    reader_id: Mapped[int] = mapped_column(ForeignKey("readers.id"), primary_key=True)
    what: Mapped[str] = mapped_column(primary_key=True)
    seen_at: Mapped[datetime]


class TrailRow(Tables):
    """Who did what, when, and from where; no words of a patient and no path. case_number: of a case that may
    be gone by now."""

    __tablename__ = "audit_trail"
    __table_args__ = ({"sqlite_autoincrement": True},)
    number: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    who: Mapped[str]
    what: Mapped[str]
    case_number: Mapped[int | None]
    detail: Mapped[str]
    origin: Mapped[str]


class ProposedCoverRow(Tables):
    """An area of a photo that a reader would cover for good; an adjudicator decides.

    ``height``, ``width`` and ``counts`` are MaskRuns'.
    """

    __tablename__ = "proposed_covers"
    __table_args__ = ({"sqlite_autoincrement": True},)
    number: Mapped[int] = mapped_column(primary_key=True)
    case_number: Mapped[int] = mapped_column(ForeignKey("cases.number"))
    photo_id: Mapped[str]
    reader_id: Mapped[int] = mapped_column(ForeignKey("readers.id"))
    proposed_at: Mapped[datetime]
    height: Mapped[int]
    width: Mapped[int]
    counts: Mapped[str]


class TokenRow(Tables):
    """A token by which a program speaks for a reader. digest: SHA-256 of it, which is all that is kept.

    program: what it was made for, a few words. revoked_at: since when it opens nothing.
    """

    __tablename__ = "tokens"
    __table_args__ = ({"sqlite_autoincrement": True},)
    number: Mapped[int] = mapped_column(primary_key=True)
    reader_id: Mapped[int] = mapped_column(ForeignKey("readers.id"))
    program: Mapped[str]
    digest: Mapped[str] = mapped_column(unique=True)
    made_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class SignInRow(Tables):
    """A browser that is signed in. digest: SHA-256 of the key in its cookie, which is all that is kept. access: the
    reader's then. until, used: seconds since 1970."""

    __tablename__ = "sign_ins"
    digest: Mapped[str] = mapped_column(primary_key=True)
    reader_id: Mapped[int] = mapped_column(ForeignKey("readers.id"))
    access: Mapped[str]
    until: Mapped[float]
    used: Mapped[float]


class ReceiverRow(Tables):
    """An address that finished reviews are told to. digest: of the address. seen: the newest review that was
    put into the outbox for it, or was there before it."""

    __tablename__ = "receivers"
    digest: Mapped[str] = mapped_column(primary_key=True)
    seen: Mapped[int]


class OutboxRow(Tables):
    """A finished review that a receiver has not confirmed. tries: how often it was sent; due_at: when it is
    sent next."""

    __tablename__ = "outbox"
    receiver: Mapped[str] = mapped_column(ForeignKey("receivers.digest"), primary_key=True)
    review_number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    tries: Mapped[int]
    due_at: Mapped[datetime]
