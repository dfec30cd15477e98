"""The store's one door: everything that the page, the exports and the commands ask of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

import sqlalchemy as sa

from magic_demo.core.errors import StoreError
from magic_demo.core.messages import Message
from magic_demo.core.types import (
    CaseKey,
    Knowledge,
    MaskRuns,
    Prediction,
    Review,
    ReviewKind,
    ReviewState,
    SavedReview,
)
from magic_demo.files.bundles import pack_prediction
from magic_demo.questions.families import QuestionSet, load_challenge
from magic_demo.reviews.store import checking, copies, rules
from magic_demo.reviews.store.engine.database import Database
from magic_demo.reviews.store.engine.location import folder_beside
from magic_demo.reviews.store.records import (
    PROGRAM,
    Actor,
    CaseFilter,
    CaseOrder,
    NewCase,
    Progress,
    ProposedCover,
    QueueCase,
    Reader,
    ReaderRole,
    TrailEntry,
    TrailKind,
)
from magic_demo.reviews.store.rows import (
    audit_trail,
    case_lists,
    cases,
    predictions,
    proposals,
    readers,
    reviews,
    seen,
)
from magic_demo.reviews.store.rows.question_sets import check_questions
from magic_demo.reviews.store.tables import CaseRow, ReaderRow, ReviewRow, ShowingRow

MOST_REMEMBERED = 1000
"""Readers that are remembered."""


@dataclass(frozen=True)
class Dump:
    """Every row of a store, and the highest number ever given in each numbered table."""

    rows: Iterator[copies.Row]
    last_numbers: Mapping[str, int]


class Store:
    """Reviews, cases and readers in one database. Safe to share between threads; every process opens its own.

    Every method is one transaction and raises StoreError, one line, when the database cannot be reached or
    written, or when its rules (an unknown case or reader, a consensus by somebody who is no adjudicator, ...)
    are broken. When a method that writes returns, what it wrote is on the disk. Readers are named by their
    name, upper and lower case alike.
    """

    def __init__(self, database: Database, questions: QuestionSet) -> None:
        """Answer from this database, of reviews that answer these questions; ``Store.open`` opens one."""
        self._database = database
        self.questions = questions
        self._readers: dict[str, tuple[int, Reader]] = {}
        self._unpacked = predictions.UnpackedPredictions()

    # -- opening ---------------------------------------------------------------------------------------------

    @classmethod
    def open(
        cls, location: str | Path, *, wait_seconds: float = 10.0, questions: QuestionSet | None = None
    ) -> Self:
        """Open the store at ``place``, make it where there is none, bring an older one up to date.

        place: a folder (SQLite: ``reviews.sqlite3`` inside it, the folder is made), a file that ends in
        .sqlite3 or .db, or a URL (``postgresql://user:password@host/name``, ``sqlite:///path``).
        wait_seconds: how long a write waits for another one's end. questions: what its reviews answer; None for
        whoever reads no answers. Raises StoreError when the place cannot be read and written, holds something
        else or something damaged, was written by a newer program, or holds reviews of other questions.
        """
        store = cls(Database(location, wait_seconds), questions or load_challenge())
        if questions is not None:
            try:
                with store._database.reading() as session:
                    check_questions(session, questions)
            except StoreError:
                store.close()
                raise
        return store

    def close(self) -> None:
        """Let go of every connection; the store cannot be used afterwards."""
        self._database.close()

    def __enter__(self) -> Self:
        """Return the store; leaving the block closes it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the store."""
        self.close()

    @property
    def location(self) -> str:
        """Return where the reviews are, to be shown: the file's path, or the URL without its password."""
        return self._database.location

    @cached_property
    def kept_root(self) -> Path:
        """Return the folder below which photos that the store keeps itself lie, one folder a case; it may not
        be there yet."""
        return folder_beside(self.location, "kept").resolve()

    @property
    def read_only(self) -> bool:
        """Return whether the store lies on a disk that cannot be written."""
        return self._database.read_only

    @property
    def label(self) -> str:
        """Return what tells this store from others whose photos lie in the same place, as those of a server's
        databases do; else empty."""
        return self.location if "://" in self.location else ""

    @contextmanager
    def together(self) -> Iterator[None]:
        """Let all that this thread asks of the store within the block become one: it is kept when the block
        ends, whole or not at all.

        What a method within it raises undoes that method alone; an error that leaves the block undoes
        everything. Others cannot write meanwhile.
        """
        with self._database.together():
            yield

    # -- reviews ---------------------------------------------------------------------------------------------

    def save(self, review: Review, *, client_key: str | None = None, after: int | None = None) -> SavedReview:
        """Add a review as a new row and return it as it is kept; nothing older changes.

        No row is added, and the one that is there is returned, when ``client_key`` was used by this reader
        before (a save that was sent again) or when the reader's newest review of the case says the same
        (``seconds`` aside). What comes back is what counts: ``missing`` says what a finished review leaves
        open, ``known`` what the reader had been shown of the case, and a blind review is kept as another kind
        once model or others were shown, whatever its sender believes.
        after: the number of the reader's newest review of the case that this one goes on from (0: there was
        none; a consensus goes on from a consensus alone): ReviewChangedError, a StoreError, when there is a
        newer one. Raises StoreError when case or reader are unknown or the reader was removed; when the key
        was used for other content; for a consensus by somebody who is no adjudicator; for a revealed one
        without a complete blind one.
        """
        with self._database.writing() as session:
            return reviews.save_review(session, review, self.questions, client_key, after=after)

    def find_missing(self, review: Review) -> tuple[str, ...]:
        """Return what a review would leave open if it were finished now: ids of families, then of photos.

        Raises StoreError for an unknown case.
        """
        with self._database.reading() as session:
            return tuple(
                reviews.find_left_open(
                    replace(review, state="done"), cases.find_case(session, review.case), self.questions
                )
            )

    def history(self, case: CaseKey, reader: str) -> list[SavedReview]:
        """Return everything a reader ever saved of a case, oldest first: for that reader's own eyes, or an
        adjudicator's."""
        with self._database.reading() as session:
            return reviews.list_history(session, case, reader)

    def latest(
        self,
        case: CaseKey,
        reader: str,
        *,
        kinds: Collection[ReviewKind] | None = None,
        state: ReviewState | None = None,
    ) -> SavedReview | None:
        """Return a reader's newest review of a case, of any kind and state or of those asked for; None where
        there is none.

        For that reader's own eyes: to show it to somebody else, ask ``visible_reviews``.
        """
        with self._database.reading() as session:
            return reviews.find_latest(session, case, reader, kinds, state)

    def review(self, number: int, case: CaseKey, reader: str) -> SavedReview | None:
        """Return a reader's review of a case by its number, None where there is none of this number.

        For that reader's own eyes.
        """
        with self._database.reading() as session:
            return reviews.find_numbered(session, number, case, reader)

    def take_back(self, number: int, reader: str) -> SavedReview:
        """Make an older review of the reader's own the newest again, by adding a row that repeats it, and
        return that row.

        It is marked with what the reader has been shown since: a blind one comes back as revealed after the
        reveal.
        """
        with self._database.writing() as session:
            return reviews.take_back(session, number, reader, self.questions)

    def visible_reviews(self, case: CaseKey, viewer: str) -> list[SavedReview]:
        """Return what a viewer may see of a case: the newest done review of every reader and kind, by number.

        A viewer sees other readers' reviews only after a complete one of their own; an adjudicator sees all.
        Own ones are always among them. What is shown of it to somebody is to be kept with ``note_seen``.
        """
        with self._database.reading() as session:
            found = cases.find_case(session, case)
            return reviews.list_latest(session, [CaseRow.number == found.number], viewer, None, "done")

    def latest_reviews(
        self,
        queue: str | None,
        *,
        viewer: str | None,
        kinds: Collection[ReviewKind] | None = None,
        state: ReviewState | None = "done",
        known: Mapping[int, SavedReview] | None = None,
    ) -> list[SavedReview]:
        """Return the newest review of every case, reader and kind of a queue (None: of all queues), by
        number.

        viewer: whose eyes they are for, under the rule of ``visible_reviews``; None: for the program's own
        use (an export by the one who runs it), everything. state: newest among the reviews in this state;
        None: in any. known: reviews by number that were read before, which are not read again, as no review
        ever changes.
        """
        with self._database.reading() as session:
            return reviews.list_latest(session, _of_queue(queue), viewer, kinds, state, known or {})

    def all_reviews(self, queue: str | None = None) -> list[SavedReview]:
        """Return every row of a queue (None: of all queues), by number: the full history, for the program's
        own use."""
        with self._database.reading() as session:
            return reviews.list_all(session, _of_queue(queue))

    def damaged_reviews(
        self, queue: str | None = None, *, case: CaseKey | None = None, viewer: str | None = None
    ) -> list[Message]:
        """Return a line for each review of a queue or a case (None: of all) that was asked for so far and is
        not what was saved: it was left out.

        viewer: whose eyes they are for, own ones alone but for an adjudicator; None: all.
        """
        found = [
            damaged
            for _number, damaged in sorted(self._database.damaged.items())
            if queue in (None, damaged.case.queue) and case in (None, damaged.case)
        ]
        everything = not found or viewer is None or rules.may(self.reader(viewer).role, "see every review")
        return [damaged.line for damaged in found if everything or damaged.reader == viewer]

    def version(self) -> tuple[int, int, int]:
        """Return what is another one as soon as a review was saved, a case with reviews deleted, or a model's
        answer shown: whether to measure anew."""
        with self._database.reading() as session:
            counts = (
                sa.select(sa.func.count()).select_from(table).scalar_subquery()
                for table in (ReviewRow, ShowingRow)
            )
            newest, reviews_there, showings = session.execute(
                sa.select(sa.func.max(ReviewRow.number), *counts)
            ).one()
            return newest or 0, reviews_there, showings

    # -- what readers were shown -----------------------------------------------------------------------------

    def note_seen(self, seen_cases: Collection[CaseKey], reader: str, what: Knowledge) -> None:
        """Keep that a reader was shown, of these cases, what others say, or what the model says: what is
        saved of them later is not blind.

        A store on a disk that cannot be written keeps nothing of it, and no review either.
        """
        if seen_cases and not self.read_only:
            with self._database.writing() as session:
                seen.add_seen(session, seen_cases, reader, what)

    def known(self, case: CaseKey, reader: str) -> frozenset[Knowledge]:
        """Return what a reader was ever shown of a case, in any tab: what the model says, what others say."""
        with self._database.reading() as session:
            return seen.read_reader_known(session, case, reader)

    # -- what models said ------------------------------------------------------------------------------------

    def note_shown(self, case: CaseKey, reader: str, prediction: Prediction) -> None:
        """Keep that a reader was shown what models say of a case, and what that was (maps as in a bundle);
        nothing older changes."""
        content = pack_prediction(prediction)  # slow: not while others wait to write
        with self._database.writing() as session:
            predictions.add_showing(session, case, reader, content)

    def shown(self, case: CaseKey, reader: str | None = None) -> Prediction | None:
        """Return what anybody, or this reader, was shown last of a case, None where no model has spoken of
        it. For eyes that may see it."""
        with self._database.reading() as session:
            return predictions.read_shown(session, case, reader, self.questions, self._unpacked)

    def shown_digests(self, queue: str | None = None) -> dict[CaseKey, str]:
        """Return, of every case of a queue (None: of all) that anybody was shown a model's answer of, a
        digest of the one shown last."""
        with self._database.reading() as session:
            return predictions.list_shown(session, queue)

    def was_shown(self, case: CaseKey, reader: str) -> bool:
        """Return whether a reader was ever shown what models say of a case: it cannot be read blind any
        more."""
        with self._database.reading() as session:
            return predictions.was_shown(session, case, reader)

    def unrevealed(self, reader: str) -> Collection[CaseKey]:
        """Return the cases that a reader has begun blind and not revealed: the model's answer stays out of
        their sight everywhere."""
        with self._database.reading() as session:
            return predictions.list_unrevealed(session, reader)

    # -- cases -----------------------------------------------------------------------------------------------

    def add_cases(self, queue: str, new: Sequence[NewCase]) -> int:
        """Put cases at the end of a queue, made where it is new, and return how many were new.

        A case that is there keeps its position and its reviews; its folder, photos_kept and uncertainty
        follow what is given now.
        """
        named = [replace(case, folder=self._name_of(case)) for case in new]
        with self._database.writing() as session:
            return cases.add_cases(session, queue, named)

    def keep_case(
        self, key: CaseKey, folder: Path, photos: Collection[str], assigned_to: Collection[str] = ()
    ) -> None:
        """Add a new case whose photos, by their ids, lie in a folder in ``kept_root``, for these readers, or
        for everybody.

        Raises StoreError when there is such a case.
        """
        with self._database.writing() as session:
            cases.keep_case(
                session,
                key,
                NewCase(key.case_id, folder.name, photos_kept=True, photos=tuple(photos)),
                assigned_to,
            )

    def owns(self, folder: Path) -> bool:
        """Return whether the photos of one of the store's cases are kept in a folder."""
        with self._database.reading() as session:
            return cases.owns_folder(session, folder)

    def name_kept_folders(self) -> None:
        """Name the folders of kept photos below ``kept_root`` in rows of older versions, which hold whole
        paths."""
        with self._database.writing() as session:
            cases.name_kept_folders(session, self.kept_root)

    def case_keys(self) -> list[CaseKey]:
        """Return every case of every queue."""
        with self._database.reading() as session:
            return cases.list_keys(session)

    def queues(self) -> list[str]:
        """Return the names of the queues that hold a case, by name."""
        with self._database.reading() as session:
            return cases.list_queues(session)

    def list_cases(
        self,
        queue: str,
        reader: str,
        *,
        only: CaseFilter | None = None,
        order: CaseOrder = "position",
        all_assigned: bool = False,
    ) -> list[QueueCase]:
        """Return a reader's cases of a queue: those assigned to them and those assigned to nobody.

        Adjudicators get all of them.

        only: keep the cases in this state. all_assigned: cases assigned to others too.
        order: "uncertain" puts the highest uncertainty first, "disputed" the highest dispute: over the newest
        done review of every reader, the mean number of families and photos differing from the model, plus the
        mean number of families differing between two readers. Ties and cases without a number stay in the
        queue's order.
        """
        with self._database.reading() as session:
            found = case_lists.list_cases(
                session, queue, reader, only=only, order=order, all_assigned=all_assigned
            )
        return [self._place(case) for case in found]

    def case(self, key: CaseKey, reader: str) -> QueueCase:
        """Return one case as a reader sees it. Raises StoreError when there is no such case."""
        with self._database.reading() as session:
            found = case_lists.read_case(session, key, reader)
        return self._place(found)

    def has_others(self, key: CaseKey, reader: str) -> bool:
        """Return whether others than a reader have reviewed a case, or are to."""
        with self._database.reading() as session:
            return case_lists.has_others(session, key, reader)

    def progress(self, queue: str) -> list[Progress]:
        """Return how far each reader is in a queue, by name: those who are not removed, and those who
        reviewed something of it."""
        with self._database.reading() as session:
            return case_lists.measure_progress(session, queue)

    def assign(self, case: CaseKey, assigned_to: Collection[str]) -> None:
        """Assign a case to these readers and nobody else; to no one: it is for everybody again."""
        with self._database.writing() as session:
            cases.assign_case(session, case, assigned_to)

    def share_out(self, queue: str, case_ids: Sequence[str], readers: Sequence[str], *, each: int) -> None:
        """Assign every one of these cases to ``each`` of the readers and nobody else: everybody gets as many,
        and everybody is with everybody.

        Without readers (``each`` 0) the cases are everybody's again. All or none. Raises StoreError for an
        unknown case or reader, and for more a case than there are readers.
        """
        with self._database.writing() as session:
            cases.share_out(session, queue, case_ids, readers, each)

    def delete_case(self, case: CaseKey, *, by: Actor = PROGRAM, what: TrailKind = "delete") -> int:
        """Delete a case with every review and prediction of it, for good, and return how many reviews went.

        Its photos are the caller's to delete.
        """
        with self._database.writing() as session:
            found = cases.find_case(session, case)
            audit_trail.add_entry(session, what, by, case_number=found.number)
            proposals.delete_of_case(session, found)
            count = reviews.delete_reviews(session, found)
            predictions.delete_predictions(session, found)
            seen.delete_seen(session, found)
            cases.delete_case_row(session, found)
        self._unpacked.clear()
        for number in [number for number, damaged in self._database.damaged.items() if damaged.case == case]:
            self._database.damaged.pop(number, None)
        return count

    def old_cases(self, before: datetime, queue: str | None = None) -> tuple[list[CaseKey], int]:
        """Return the cases that were added and last reviewed before a time, and how many cases have no date
        at all."""
        with self._database.reading() as session:
            return cases.list_old_cases(session, before, queue)

    def kept_folder(self, case: CaseKey) -> Path | None:
        """Return the folder of photos that the program keeps for this case alone, None where it keeps none.

        Raises StoreError.
        """
        with self._database.reading() as session:
            folder = cases.read_kept_folder(session, case)
        return None if folder is None else self.find_kept(folder)

    def erase_traces(self) -> None:
        """Write the database anew, so that nothing of what was deleted is left in its files.

        Raises StoreError when others hold it open for writing or reading at this moment; what was deleted
        stays deleted.
        """
        self._database.erase_traces()

    def _place(self, case: QueueCase) -> QueueCase:
        """Return a case with the folder that its kept photos are in: rows name it below ``kept_root``, those
        of older versions by its whole path."""
        return (
            replace(case, folder=str(self.find_kept(case.folder)))
            if case.photos_kept and case.folder is not None
            else case
        )

    def find_kept(self, folder: str) -> Path:
        """Return where the folder is that a row of a kept case names."""
        own = self.kept_root / Path(folder).name
        return own if not Path(folder).is_absolute() or own.is_dir() else Path(folder)

    def _name_of(self, case: NewCase) -> str | None:
        if case.photos_kept and case.folder is not None and Path(case.folder).parent == self.kept_root:
            return Path(case.folder).name
        return case.folder

    # -- whole copies ----------------------------------------------------------------------------------------

    @contextmanager
    def dump(self) -> Iterator[Dump]:
        """Give every row as it was at one moment, while others may go on saving; to be read within the
        block."""
        with self._database.reading() as session:
            yield Dump(copies.dump_rows(session), copies.last_numbers(session, sqlite=self._database.sqlite))

    def is_empty(self) -> bool:
        """Return whether there is nothing but the local reader."""
        with self._database.reading() as session:
            return copies.is_empty(session)

    def load(
        self,
        rows: Iterable[copies.Row],
        last_numbers: Mapping[str, int],
        counts: Mapping[str, int],
        *,
        by: Actor = PROGRAM,
        at_end: Callable[[], None] = lambda: None,
    ) -> dict[str, int]:
        """Put the rows of a dump into this store, all or none, and return how many by table.

        counts: how many there should be. at_end: called when all rows were found good, before they are kept.
        Raises StoreError when this store is not empty, or rows are missing or cannot be.
        """
        with self._database.writing() as session:
            loaded = copies.load_rows(session, rows, last_numbers, sqlite=self._database.sqlite)
            missing = [table for table, count in loaded.items() if count != counts.get(table, 0)]
            if missing:
                raise StoreError(
                    "{expected} rows of {table} were said and {count} came; take another backup",
                    expected=counts.get(missing[0], 0),
                    table=missing[0],
                    count=loaded[missing[0]],
                )
            audit_trail.add_entry(
                session, "restore", by, detail=f"{loaded['cases']} cases, {loaded['reviews']} reviews"
            )
            at_end()
            return loaded

    # -- who did what ----------------------------------------------------------------------------------------

    def note(
        self, what: TrailKind, by: Actor, *, case: CaseKey | None = None, detail: str = ""
    ) -> tuple[str, ...]:
        """Keep in the audit trail what left no other row here; what changes the store is kept by the method
        that changes it.

        detail: a few words of the program's own, none of a patient's and no path. Returns a line where the
        store lies on a disk that cannot be written, so that nothing can be kept. Raises StoreError where it
        can be written and was not.
        """
        if self.read_only:
            return (
                f"{self.location}: cannot be written; its audit trail does not say that this was done ({what})",
            )
        with self._database.writing() as session:
            number = None if case is None else cases.find_case(session, case).number
            audit_trail.add_entry(session, what, by, case_number=number, detail=detail)
        return ()

    def trail(
        self, *, kinds: Collection[str] = (), who: str | None = None, most: int = 500
    ) -> list[TrailEntry]:
        """Return the newest rows of the audit trail first, of these kinds (none: of all) and of this name:
        for an adjudicator's eyes."""
        with self._database.reading() as session:
            return audit_trail.list_entries(session, kinds, who, most)

    def trail_names(self) -> list[str]:
        """Return everybody whom the audit trail names as who did something."""
        with self._database.reading() as session:
            return audit_trail.list_names(session)

    # -- coverings that wait for an adjudicator --------------------------------------------------------------

    def propose_cover(self, case: CaseKey, photo_id: str, area: MaskRuns, by: Actor) -> int:
        """Keep an area of a photo that a reader would cover for good, and return the proposal's number. by:
        the reader.

        Raises StoreError for an unknown case or reader, an area that is no mask, and when the reader has as
        many proposals of the case as are kept.
        """
        checking.check_area(area)
        with self._database.writing() as session:
            found = cases.find_case(session, case)
            number = proposals.add_proposal(session, found, photo_id, area, by.name)
            audit_trail.add_entry(
                session, "cover proposed", by, case_number=found.number, detail=f"proposal {number}"
            )
            return number

    def proposed_covers(self, case: CaseKey | None = None, reader: str | None = None) -> list[ProposedCover]:
        """Return the proposals that wait, oldest first: of a case, of a reader, or all."""
        with self._database.reading() as session:
            return proposals.list_proposals(session, case, reader)

    def end_proposal(self, number: int, by: Actor, *, confirmed: bool) -> None:
        """Take a proposal off the list, as an adjudicator has decided.

        Raises StoreError when there is none of this number.
        """
        with self._database.writing() as session:
            case_number = proposals.delete_proposal(session, number)
            what: TrailKind = "cover confirmed" if confirmed else "cover refused"
            audit_trail.add_entry(session, what, by, case_number=case_number, detail=f"proposal {number}")

    # -- readers ---------------------------------------------------------------------------------------------

    def add_reader(
        self, name: str, *, role: ReaderRole = "reader", password: str | None = None, by: Actor = PROGRAM
    ) -> Reader:
        """Add a reader, or bring a removed one back with this role and password.

        Raises StoreError for a name or password that cannot be used.
        """
        # slow on purpose: not while others wait to write
        hashed = None if password is None else readers.hash_password(password)
        with self._database.writing() as session:
            reader = readers.add_reader(session, name, role, hashed)
            audit_trail.add_entry(session, "reader added", by, detail=f"{reader.name}, {role}")
            return reader

    def readers(self, *, removed: bool = False) -> list[Reader]:
        """Return the readers by name, the local one first, on request with those who were removed."""
        with self._database.reading() as session:
            return readers.list_readers(session, removed=removed)

    def reader(self, name: str) -> Reader:
        """Return one reader, removed or not. Raises StoreError when there is none of this name.

        Every request asks: the answer is remembered until a reader is changed.
        """
        version = self._database.readers_version()
        remembered = self._readers.get(name)
        if version is not None and remembered is not None and remembered[0] == version:
            return remembered[1]
        with self._database.reading() as session:
            reader = readers.as_reader(readers.find_row(session, name))
        if version is not None:
            if len(self._readers) >= MOST_REMEMBERED:
                self._readers.clear()
            self._readers[name] = version, reader
        return reader

    def find_readers(self, name: str) -> list[Reader]:
        """Return the reader of this name, removed or not; an empty list where there is none."""
        with self._database.reading() as session:
            row = readers.find_row_if_any(session, name)
            return [] if row is None else [readers.as_reader(row)]

    def remove_reader(self, name: str, *, by: Actor = PROGRAM) -> int:
        """End a reader's access, and return how many reviews are kept under the name."""
        with self._database.writing() as session:
            audit_trail.add_entry(session, "reader removed", by, detail=readers.find_row(session, name).name)
            return readers.remove_reader(session, name)

    def set_password(self, name: str, password: str, *, by: Actor = PROGRAM) -> None:
        """Give a reader a new password."""
        hashed = readers.hash_password(password)
        with self._database.writing() as session:
            readers.set_password(session, name, hashed)
            audit_trail.add_entry(
                session, "password changed", by, detail=readers.find_row(session, name).name
            )

    def set_role(self, name: str, role: ReaderRole, *, by: Actor = PROGRAM) -> None:
        """Give a reader another role."""
        with self._database.writing() as session:
            row = readers.find_row(session, name)
            audit_trail.add_entry(session, "role changed", by, detail=f"{row.name}, {row.role} to {role}")
            readers.set_role(session, name, role)

    def check_password(self, name: str, password: str) -> Reader | None:
        """Return the reader when the password is theirs, else None; an unknown name takes as long as a wrong
        password."""
        with self._database.reading() as session:
            row = readers.find_row_if_any(session, name)
            reader = None if row is None else readers.as_reader(row)
            stored = None if row is None or row.removed_at is not None else row.password
        return reader if readers.verify_password(stored, password) else None

    def needs_sign_in(self) -> bool:
        """Return whether anybody has a password; without one, everyone at the page is the local reader."""
        with self._database.reading() as session:
            return (
                session.scalar(sa.select(ReaderRow.id).where(ReaderRow.password.is_not(None)).limit(1))
                is not None
            )


def _of_queue(queue: str | None) -> list[sa.ColumnElement[bool]]:
    return [] if queue is None else [CaseRow.queue == queue]
