"""The desk's cases: queues of folders, and each case's photos and words, read when they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from magic_demo.core.errors import PhotoError, StoreError
from magic_demo.core.messages import Message
from magic_demo.core.review_types import CaseKey
from magic_demo.core.types import (
    Encounter,
    EncounterFiles,
    Mask,
    Photo,
    Prediction,
)
from magic_demo.files.photos.processes.workers import read_photo_apart
from magic_demo.imaging.run_lengths import decode_mask
from magic_demo.page.session.desk.opened import OpenedDesk
from magic_demo.page.session.desk.systems import check_fit, list_speaking, read_system_prediction
from magic_demo.page.session.open_cases import FileState, FileStates, OpenCase
from magic_demo.questions.families import QuestionSet
from magic_demo.reviews.cases.covered_photos import (
    COVERED_NOTE,
    PROPOSED_NOTE,
    CoveredPhotos,
    cover_area,
    covered_beside,
)
from magic_demo.reviews.cases.deletion import delete_cases
from magic_demo.reviews.cases.queues import measure_uncertainty, read_queue
from magic_demo.reviews.exports.case_files import find_case_files
from magic_demo.reviews.learning.gain import measure_doubts
from magic_demo.reviews.store import (
    LOCAL_READER,
    PROGRAM,
    Actor,
    NewCase,
    ProposedCover,
    QueueCase,
)


@dataclass(frozen=True, eq=False)
class CaseOnDesk:
    """A case of a queue as it was read: its photos and words, and one line for each photo that could not be
    used. states: of the program's own files before the photos were read from them."""

    encounter: Encounter
    problems: tuple[Message, ...] = ()
    states: FileStates = ()


class CasesOnDesk(OpenedDesk):
    """The cases of the store and where their files lie."""

    def add_queue(self, folder: Path, asked: QuestionSet | None = None) -> list[str]:
        """Put a folder's cases into the queue of its name, and return one line for each case that cannot be
        used.

        asked: what is asked of them; None: what the queue asks already, or this page. Raises FormatError when
        nothing can be read there, BundleError when a bundle is not there or is of other cases, StoreError when
        the queue's reviews answer other questions.
        """
        read = read_queue(folder)
        where = folder.resolve()
        name = (where.parent if where.is_file() else where).name or "cases"
        photos = {files.encounter_id: list_photos(files) for files in read.encounters}
        location = str(where.parent if where.is_file() else where)
        questions = asked or self.opened_store.questions_of(name)
        for system in self.systems:
            check_fit(system, name, photos, questions)
        if asked is not None or not self.opened_store.has_questions(name):
            self.opened_store.ask(name, questions)
        cases = [
            replace(
                self._new_case(files.encounter_id, questions),
                folder=location,
                photos=photos[files.encounter_id],
            )
            for files in read.encounters
        ]
        self.opened_store.add_cases(name, cases)
        self.first_queue = self.first_queue or name
        self._files.update({CaseKey(name, files.encounter_id): files for files in read.encounters})
        return list(read.problems)

    def delete_case(self, key: CaseKey, by: Actor = PROGRAM) -> int:
        """Delete a case with its reviews and the photos that the program keeps, and return how many reviews
        went. Raises StoreError."""
        self._files.pop(key, None)
        try:
            return delete_cases(self.opened_store, [key], by=by).reviews
        finally:  # the case may be gone where traces of it could not be erased
            self._tell_gone(key)

    def empty(self, by: Actor = PROGRAM) -> None:
        """Delete every case of a throw-away store, with its photos and reviews. Raises StoreError."""
        with self._lock:
            store = self.opened_store
            if not self.throwaway:
                raise StoreError("this store is no throw-away one; purge and delete-case delete cases")
            keys = [
                case.key
                for queue in store.queues()
                for case in store.list_cases(queue, LOCAL_READER, all_assigned=True)
            ]
            delete_cases(store, keys, by=by, what="purge")
            self._files.clear()
            self._references.clear()
        for key in keys:
            self._tell_gone(key)

    def read_case(self, case: QueueCase, reader: str | None = None) -> CaseOnDesk:
        """Read a case's photos and words. Raises StoreError where its files are not there any more.

        reader: who looks at it, from whom the areas are hidden that they have proposed to cover.
        """
        files = self._find_files(case)
        # a complete reading has dealt with all of them
        if case.photos != list_photos(files) and not self.opened_store.read_only:
            self.opened_store.describe_case(case.key, photos=list_photos(files))
        states = self._list_states(files)
        photos: list[Photo] = []
        problems: list[Message] = []
        for photo in files.photo_files:
            if photo.path is None:
                problems.append(
                    Message(
                        "{name}: cannot be read ({reason}); {cure}",
                        name=photo.photo_id,
                        reason=Message("not found"),
                        cure=Message("check that the file exists and is readable"),
                    )
                )
                continue
            try:
                photos.append(self._read_photo(photo.path, photo.photo_id))
            except PhotoError as error:
                problems.append(error.message)
        proposed = self.opened_store.proposed_covers(case.key, reader) if reader is not None else ()
        return CaseOnDesk(
            Encounter(files.encounter_id, files.narrative, tuple(hide_proposed(photos, proposed))),
            tuple(problems),
            states,
        )

    def put_newest(self, opened: OpenCase) -> OpenCase:
        """Let an open case show what was covered since its photos were read: while it was being opened, or by
        another program of the store, neither of which the one who covered could tell of it. Raises StoreError."""
        files = self._files.get(opened.key) if opened.key is not None else None
        if opened.key is None or files is None or not opened.states:
            return opened
        if opened.states == self._list_states(self.covered.put_in_place(opened.key.queue, files)):
            return opened
        reader = opened.reader or LOCAL_READER
        read = self.read_case(self.opened_store.case(opened.key, reader), reader)
        sizes = {photo.photo_id: photo.size for photo in opened.encounter.photos}
        for photo in read.encounter.photos:
            if sizes.get(photo.photo_id) == photo.size:
                opened = self.cases.put_photo(opened.open_id, photo, read.states) or opened
        return opened

    def list_states(self, case: QueueCase) -> FileStates:
        """Return the states by now of the program's own files of a case. Raises StoreError."""
        return self._list_states(self._find_files(case))

    def _list_states(self, files: EncounterFiles) -> FileStates:
        """Return the states of those files that are the program's own: what readers change in their own folders
        does not change a case while it is open."""
        covered, kept = self.covered, self.opened_store.kept_root.absolute()
        states: list[FileState | None] = []
        for photo in files.photo_files:
            state = None
            if photo.path is not None and (
                covered.holds(photo.path) or kept in photo.path.absolute().parents
            ):
                with suppress(OSError):  # it was removed: reading it says so
                    state = _file_state(photo.path)
            states.append(state)
        return tuple(states)

    def read_first_photo(self, case: QueueCase, reader: str) -> Photo | None:
        """Return the first of a case's photos as the reader may see it, None without one.

        Raises StoreError where its files are not there, PhotoError where it cannot be read.
        """
        for photo in self._find_files(case).photo_files:
            if photo.path is not None:
                proposed = self.opened_store.proposed_covers(case.key, reader)
                return hide_proposed([self._read_photo(photo.path, photo.photo_id)], proposed)[0]
        return None

    def _read_photo(self, path: Path, photo_id: str) -> Photo:
        """Return a photo of a stored case: the same one to all who have it open, and unpacked once for all who open
        it at the same time. Raises PhotoError."""
        try:
            state = _file_state(path)
        except OSError:  # it was removed: reading it says so
            return read_photo_apart(path, photo_id=photo_id)
        key = (state, photo_id)

        def unpack() -> Photo:
            if (photo := self._photos.get(key)) is not None:
                return photo
            photo = read_photo_apart(path, photo_id=photo_id)
            if self.covered.holds(path):
                photo = replace(photo, notes=(*photo.notes, COVERED_NOTE))
            self._sizes[state] = photo.size
            self._photos[key] = photo
            return photo

        return self._unpacking.do(key, unpack)

    def measure_photos(self, case: QueueCase) -> dict[str, tuple[int, int]]:
        """Return (height, width) of each of a case's photos that can be read, which is done once.

        Raises StoreError where its files are not there.
        """
        sizes = {}
        for photo in self._find_files(case).photo_files:
            # what cannot be read is not shown, and cannot have been outlined
            with suppress(PhotoError, OSError):
                if photo.path is not None:
                    state = _file_state(photo.path)
                    sizes[photo.photo_id] = (
                        self._sizes.get(state) or self._read_photo(photo.path, photo.photo_id).size
                    )
        return sizes

    def _find_files(self, case: QueueCase) -> EncounterFiles:
        """Return where a case's photos lie, covered copies in place of those they were made of."""
        files = self._files.get(case.key) or next(iter(find_case_files([case], self.covered)), None)
        if files is None:
            raise StoreError(
                "{case}: its files are not in {folder}; start the page with --queue and the folder "
                "they are in now",
                case=case.key.case_id,
                folder=case.folder,
            )
        self._files[case.key] = files
        return self.covered.put_in_place(case.key.queue, files)

    @property
    def covered(self) -> CoveredPhotos:
        """Return the covered photos of the store. Raises StoreError where nothing is kept."""
        return covered_beside(self.opened_store.location)

    def prediction(self, key: CaseKey, system: str | None = None) -> Prediction | None:
        """Return what this system's bundle holds of a case, or else the first's that speaks of it; None where
        there is none.

        Raises BundleError where it is not whole.
        """
        return read_system_prediction(self.systems, key.case_id, system, self.questions_of(key))

    def list_systems(self, key: CaseKey) -> dict[str, bool]:
        """Return system -> whether it speaks of a case, where there are several and any does."""
        speaking = list_speaking(self.systems, key.case_id) if len(self.systems) > 1 else {}
        return speaking if any(speaking.values()) else {}

    def _new_case(self, case_id: str, questions: QuestionSet) -> NewCase:
        """Return a case with what the models of the first bundle that speaks of it leave open."""
        found = read_system_prediction(self.systems, case_id, None, questions)
        if found is None:
            return NewCase(case_id)
        unsure = measure_uncertainty(found, questions)
        return NewCase(case_id, uncertainty=unsure, doubts=measure_doubts(found, questions))


def cover_photo_area(photo: Photo, area: Mask) -> Photo:
    """Return a photo with an area of it covered."""
    notes = photo.notes if COVERED_NOTE in photo.notes else (*photo.notes, COVERED_NOTE)
    return replace(photo, pixels=cover_area(photo.pixels, area), notes=notes)


def hide_proposed(photos: Sequence[Photo], proposed: Sequence[ProposedCover]) -> list[Photo]:
    """Return photos with the areas hidden that somebody has proposed to cover; one that is of another size by
    now is passed over."""
    shown = []
    for photo in photos:
        areas = [
            decode_mask(proposal.area)
            for proposal in proposed
            if proposal.photo_id == photo.photo_id and proposal.area.size == photo.size
        ]
        pixels = photo.pixels
        for area in areas:
            pixels = cover_area(pixels, area)
        shown.append(replace(photo, pixels=pixels, notes=(*photo.notes, PROPOSED_NOTE)) if areas else photo)
    return shown


def list_photos(files: EncounterFiles) -> tuple[str, ...]:
    """Return the ids of a case's photos, those that cannot be read among them."""
    return tuple(photo.photo_id for photo in files.photo_files)


def _file_state(path: Path) -> FileState:
    """Return what is another one as soon as a file holds something else. Raises OSError."""
    file = path.stat()
    return path, file.st_ino, file.st_mtime_ns, file.st_size
