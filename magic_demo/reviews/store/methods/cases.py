"""What the store is asked of cases: queues, assignments, photos that are kept, coverings proposed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from magic_demo.core.review_types import CaseKey, MaskRuns
from magic_demo.reviews.learning.gain import Doubts
from magic_demo.reviews.store import checking
from magic_demo.reviews.store.methods.opened import OpenedStore
from magic_demo.reviews.store.records import (
    PROGRAM,
    Actor,
    CaseFilter,
    CaseOrder,
    NewCase,
    Progress,
    ProposedCover,
    QueueCase,
    TrailKind,
)
from magic_demo.reviews.store.rows import (
    audit_trail,
    case_lists,
    cases,
    predictions,
    proposals,
    reviews,
    seen,
)


class CaseMethods(OpenedStore):
    """Cases in queues, and coverings of their photos that wait for an adjudicator."""

    def add_cases(self, queue: str, new: Sequence[NewCase]) -> int:
        """Put cases at the end of a queue, made where it is new, and return how many were new.

        A case that is there keeps its position and its reviews; its folder, photos_kept and uncertainty
        follow what is given now.
        """
        named = [replace(case, folder=self._name_of(case)) for case in new]
        with self._database.writing() as session:
            return cases.add_cases(session, queue, named)

    def describe_case(
        self,
        case: CaseKey,
        *,
        photos: Collection[str] | None = None,
        uncertainty: float | None = None,
        doubts: Doubts | None = None,
    ) -> None:
        """Keep what was found of a case since it was added: its photos by their ids, how unsure models are of it, what
        they leave open; None: as it is.

        Raises StoreError when there is no such case: one that was deleted meanwhile stays so.
        """
        with self._database.writing() as session:
            cases.describe_case(session, case, photos, uncertainty, doubts)

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

    def cases_of_photo(self, key: CaseKey, photo_id: str) -> list[CaseKey]:
        """Return the other cases that a photo of a case belongs to, by their folders and photos' ids: those of a second reading, of
        another queue of the folder, or of another encounter that lists the photo. Raises StoreError when there is no such case."""
        with self._database.reading() as session:
            return cases.list_keys_of_photo(session, key, photo_id)

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

        Adjudicators get all of them. Where an order is drawn for each reader (``shuffle``), it takes the place of the
        queue's, but not with all_assigned.

        only: keep the cases in this state. all_assigned: cases assigned to others too.
        order: "uncertain" puts the highest uncertainty first, "disputed" the highest dispute: over the newest
        done review of every reader, the mean number of families and photos differing from the model, plus the
        mean number of families differing between two readers. Ties and cases without a number stay in the
        queue's order. "teaches" puts the case first that is expected to teach most (``reviews.gain``).
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
