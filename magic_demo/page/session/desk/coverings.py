"""Photos that are covered for good, at once or after an adjudicator has agreed."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from magic_demo.core.errors import PhotoError, StoreError
from magic_demo.core.review_types import CaseKey
from magic_demo.core.types import (
    Mask,
    Photo,
)
from magic_demo.imaging.run_lengths import decode_mask
from magic_demo.page.session.desk.photos import CasesOnDesk, cover_photo_area, hide_proposed
from magic_demo.reviews.cases.covered_photos import (
    COVERED_NOTE,
    COVERED_SHARE,
    write_photo,
)
from magic_demo.reviews.exports.case_files import find_originals
from magic_demo.reviews.store import (
    Actor,
    ProposedCover,
    QueueCase,
)


class CoveringsOnDesk(CasesOnDesk):
    """Covered photos, and coverings that are proposed."""

    def read_stored(self, case: QueueCase, photo_id: str, size: tuple[int, int]) -> Photo:
        """Return a photo of a case as it is stored now: other programs of the store may have covered it, and what a
        proposal hides for its reader is in it. size: of the photo that is shown.

        Raises StoreError where it cannot be read, or is of another size.
        """
        photo = self._find_stored(case, photo_id)
        if photo is None or photo.size != size:
            raise StoreError(
                "{photo} cannot be read, or is another photo by now; open the case again", photo=photo_id
            )
        return photo

    def _find_stored(self, case: QueueCase, photo_id: str) -> Photo | None:
        for file in self._find_files(case).photo_files:
            if file.photo_id == photo_id and file.path is not None:
                with suppress(PhotoError):
                    return self._read_photo(file.path, photo_id)
        return None

    def cover(self, case: QueueCase, photo: Photo, area: Mask, by: Actor) -> list[tuple[QueueCase, Photo]]:
        """Cover an area of a stored photo for good, in every case of the store that it belongs to; within ``covered.hold``.

        Returns the cases with their covered photo, the one that was asked for last: what could not be covered everywhere is not said
        to be covered. Raises StoreError, OSError.
        """
        covered: list[tuple[QueueCase, Photo]] = []
        for key in self.opened_store.cases_of_photo(case.key, photo.photo_id):
            other = self.opened_store.case(key, by.name)
            stored = self._find_stored(other, photo.photo_id)
            if stored is None or stored.size != photo.size:  # a file that is gone, or another one since
                continue
            stored = cover_photo_area(stored, area)
            self.opened_store.note("cover", by, case=key)
            self.covered.keep(key, stored)
            self._tell_gone(key)
            covered.append((other, stored))
        own = cover_photo_area(photo, area)
        self.keep_covered(case, own)
        return [*covered, (case, own)]

    def show_covered(
        self, case: QueueCase, photo: Photo, readers: Mapping[str, str | None], *, decided: int | None = None
    ) -> None:
        """Let open cases show a photo that was covered, less what their readers have proposed to cover.

        readers: open case's id -> whose. decided: the number of a proposal that waits no more.
        """
        for open_id, reader in readers.items():
            waiting = self.opened_store.proposed_covers(case.key, reader) if reader is not None else []
            hidden = [proposal for proposal in waiting if proposal.number != decided]
            (shown,) = hide_proposed([photo], hidden)
            self.cases.put_photo(open_id, shown, self.list_states(case))

    def keep_covered(self, case: QueueCase, photo: Photo) -> None:
        """Keep a covered photo of a case, which every reading of the case takes from now on; within ``covered.hold``.

        The program's own copy of an upload is overwritten; photos in a folder of the user's stay as they are.
        Raises OSError.
        """
        case_files = find_originals([case] if case.photos_kept else [])
        originals = [
            photo_file.path
            for _case, files in case_files
            for photo_file in files.photo_files
            if photo_file.photo_id == photo.photo_id and photo_file.path is not None
        ]
        # In this order the photo is the old or the new one whenever the program is killed: without a copy the
        # file itself counts.
        if originals:
            self.covered.forget(case.key, photo.photo_id)
        for original in originals:
            write_photo(original, photo)
        self.covered.keep(case.key, photo)
        self._tell_gone(case.key)

    def needs_adjudicator(self, key: CaseKey, reader: str, photo: Photo, area: Mask) -> bool:
        """Return whether covering an area of a stored photo is an adjudicator's to decide: much of it,
        covered before, or others' case, too."""
        if self.may(reader, "decide on coverings"):
            return False
        # bit by bit would take the whole of it, too
        large = float(area.mean()) > COVERED_SHARE or COVERED_NOTE in photo.notes
        cases = [key, *self.opened_store.cases_of_photo(key, photo.photo_id)]
        return large or any(self.opened_store.has_others(case, reader) for case in cases)

    def confirm_cover(self, number: int, by: Actor) -> None:
        """Cover for good what a reader has proposed, everywhere it is open. Raises StoreError, OSError."""
        with self.covered.hold():
            proposed = self.find_proposal(number)
            case = self.opened_store.case(proposed.key, by.name)
            photo = self._find_stored(case, proposed.photo_id)
            if photo is None or photo.size != proposed.area.size:
                raise StoreError(
                    "{photo} of {case} cannot be read, or is another photo by now; refuse the proposal",
                    photo=proposed.photo_id,
                    case=proposed.key.case_id,
                )
            for covered, shown in self.cover(case, photo, decode_mask(proposed.area), by):
                self.show_covered(covered, shown, self.cases.list_open(covered.key), decided=number)
            self.opened_store.end_proposal(number, by, confirmed=True)

    def find_proposal(self, number: int) -> ProposedCover:
        """Return a proposal by its number. Raises StoreError when there is none."""
        found = next(
            (proposal for proposal in self.opened_store.proposed_covers() if proposal.number == number), None
        )
        if found is None:
            raise StoreError(
                "proposal {number} waits no more: somebody has decided on it, or its case was "
                "deleted; reload the page",
                number=number,
            )
        return found
