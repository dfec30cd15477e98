"""What the page reviews and where it keeps it: the store, the queues with their files, predictions of a bundle, references."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from magic_demo.bundles import has_prediction, list_predictions, read_prediction
from magic_demo.covered_photos import COVERED_NOTE, CoveredPhotos, covered_beside, write_photo
from magic_demo.deletion import delete_cases
from magic_demo.errors import PhotoError, StoreError
from magic_demo.exports.case_files import find_case_files, find_originals
from magic_demo.kept_cases import EXAMPLES, KeptCase, keep_example, keep_upload
from magic_demo.photos import read_photo
from magic_demo.queues import measure_uncertainty, read_queue, read_references
from magic_demo.store import LOCAL_READER, NewCase, QueueCase, Store
from magic_demo.types import Answers, CaseKey, Encounter, EncounterFiles, Photo, Prediction, ReviewKind
from magic_demo.ui.photo_intake import Arrivals
from magic_demo.ui.review import Mode
from magic_demo.ui.sign_in import SignIns


@dataclass(frozen=True, eq=False)
class CaseOnDesk:
    """A case of a queue as it was read: its photos and words, and one line for each photo that could not be used."""

    encounter: Encounter
    problems: tuple[str, ...] = ()


@dataclass
class Desk:
    """What a page reviews, shared by all its readers.

    store: None where nothing is kept yet. bundle: folder of predictions, used in place of running models. mode: how readers begin.
    sign_ins: who is signed in; without it everybody is the local reader. first_queue: the one that readers see first.
    place: where the store is opened when the first case is kept. throwaway: the store goes when the program ends.
    arrivals: photos that were sent to the page and not opened yet. on_gone: told of each case that is deleted or whose photo is covered: what was drawn
    or measured of it before is to be forgotten.
    """

    store: Store | None = None
    bundle: Path | None = None
    mode: Mode = "assisted"
    sign_ins: SignIns | None = None
    first_queue: str | None = None
    place: str | None = None
    throwaway: bool = False
    arrivals: Arrivals = field(default_factory=Arrivals)
    on_gone: list[Callable[[CaseKey], None]] = field(default_factory=list)
    _files: dict[CaseKey, EncounterFiles] = field(default_factory=dict)
    _references: dict[str, Mapping[str, Answers]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add_queue(self, folder: Path) -> list[str]:
        """Put a folder's cases into the queue of its name, and return one line for each case that cannot be used.

        Raises FormatError when nothing can be read there, BundleError when the bundle is not there.
        """
        read = read_queue(folder)
        where = folder.resolve()
        name = (where.parent if where.is_file() else where).name or "cases"
        if self.bundle is not None:
            list_predictions(self.bundle)
        place = str(where.parent if where.is_file() else where)
        cases = [NewCase(files.encounter_id, place, uncertainty=self._uncertainty(files.encounter_id)) for files in read.encounters]
        self.opened_store.add_cases(name, cases)
        self.first_queue = self.first_queue or name
        self._files.update({CaseKey(name, files.encounter_id): files for files in read.encounters})
        return list(read.problems)

    @property
    def opened_store(self) -> Store:
        """Return the store. Raises StoreError where nothing is kept."""
        if self.store is None:
            raise StoreError("nothing is kept yet; keep a case first, or start the page with --queue FOLDER or --store PLACE")
        return self.store

    def keep_case(self, encounter: Encounter, reader: str, *, example: Encounter | None) -> KeptCase:
        """Keep an open case as one of a queue, in a store that is opened now where none was needed before.

        example: the bundled case it was opened as. Raises StoreError.
        """
        with self._lock:  # one after another: an example becomes one case, whoever keeps it
            if self.store is None and self.place is not None:
                store = Store.open(self.place)
                if store.needs_sign_in():
                    store.close()
                    raise StoreError(f"{store.place}: readers sign in to this store; start the page again with --store {self.place}")
                self.store = store
            if example is None:
                return keep_upload(self.opened_store, encounter, reader)
            if encounter.narrative == example.narrative:
                return keep_example(self.opened_store, encounter)
            return keep_upload(self.opened_store, encounter, reader, EXAMPLES)

    def may_delete(self, reader: str) -> bool:
        """Return whether a reader may delete cases, others' readings with them: an adjudicator, and everybody where nobody signs in."""
        return self.sign_ins is None or self.opened_store.reader(reader).role == "adjudicator"

    def delete_case(self, key: CaseKey) -> int:
        """Delete a case with its reviews and the photos that the program keeps, and return how many reviews went. Raises StoreError."""
        self._files.pop(key, None)
        try:
            return delete_cases(self.opened_store, [key]).reviews
        finally:  # the case may be gone where traces of it could not be erased
            self._tell_gone(key)

    def empty(self) -> None:
        """Delete every case of a throw-away store, with its photos and reviews. Raises StoreError."""
        with self._lock:
            store = self.opened_store
            if not self.throwaway:
                raise StoreError("this store is no throw-away one; purge and delete-case delete cases")
            keys = [case.key for queue in store.queues() for case in store.list_cases(queue, LOCAL_READER, all_assigned=True)]
            delete_cases(store, keys)
            self._files.clear()
            self._references.clear()
        for key in keys:
            self._tell_gone(key)

    def reader(self, cookies: Mapping[str, str]) -> str:
        """Return who is at a browser with these cookies. Raises StoreError for nobody."""
        if self.sign_ins is None:
            return LOCAL_READER
        reader = self.sign_ins.find_reader(cookies)
        if reader is None:
            raise StoreError("nobody is signed in here; reload the page and sign in")
        return reader.name

    def read_case(self, case: QueueCase) -> CaseOnDesk:
        """Read a case's photos and words. Raises StoreError where its files are not there any more."""
        files = self._files.get(case.key) or next(iter(find_case_files([case], self.covered)), None)
        if files is None:
            raise StoreError(
                f"{case.key.case_id}: its files are not in {case.folder}; start the page with --queue and the folder they are in now"
            )
        self._files[case.key] = files
        photos: list[Photo] = []
        problems = []
        for photo in self.covered.put_in_place(case.key.queue, files).photo_files:
            if photo.path is None:
                problems.append(f"{photo.photo_id}: cannot be read (not found); check that the file exists and is readable")
                continue
            try:
                read = read_photo(photo.path, photo_id=photo.photo_id)
                photos.append(replace(read, notes=(*read.notes, COVERED_NOTE)) if self.covered.holds(photo.path) else read)
            except PhotoError as error:
                problems.append(str(error))
        return CaseOnDesk(Encounter(files.encounter_id, files.narrative, tuple(photos)), tuple(problems))

    @property
    def covered(self) -> CoveredPhotos:
        """Return the covered photos of the store. Raises StoreError where nothing is kept."""
        return covered_beside(self.opened_store.place)

    def keep_covered(self, case: QueueCase, photo: Photo) -> None:
        """Keep a covered photo of a case, which every reading of the case takes from now on.

        The program's own copy of an upload is overwritten; photos in a folder of the user's stay as they are. Raises OSError.
        """
        self.covered.keep(case.key, photo)
        self._tell_gone(case.key)
        for _case, files in find_originals([case] if case.photos_kept else []):
            for original in files.photo_files:
                if original.photo_id == photo.photo_id and original.path is not None:
                    write_photo(original.path, photo)

    def prediction(self, key: CaseKey) -> Prediction | None:
        """Return what the bundle holds of a case, None where there is none. Raises BundleError where it is not whole."""
        if self.bundle is None or not has_prediction(self.bundle, key.case_id):
            return None
        return read_prediction(self.bundle, key.case_id)

    def said(self, key: CaseKey) -> Prediction | None:
        """Return what the bundle holds of a case, or else what anybody was shown of it last; None where no model spoke."""
        found = self.prediction(key)
        return found if found is not None else self.opened_store.shown(key)

    def said_to(self, reader: str, keys: Collection[CaseKey]) -> dict[CaseKey, Prediction]:
        """Return what models said of these cases, those left out that the reader has begun blind and not revealed."""
        hidden = self.opened_store.unrevealed(reader)
        spoken = {key: self.said(key) for key in keys if key not in hidden}
        return {key: prediction for key, prediction in spoken.items() if prediction is not None}

    def reference(self, case: QueueCase) -> Answers | None:
        """Return the reference answers of a case, None where its folder holds none."""
        if case.folder is None:
            return None
        if case.folder not in self._references:
            self._references[case.folder] = read_references(Path(case.folder))
        return self._references[case.folder].get(case.key.case_id)

    def note_shown(self, reader: str, key: CaseKey, prediction: Prediction) -> None:
        """Keep that a reader has seen what the model says of a case, what that is, and how unsure it is of it."""
        store = self.opened_store
        store.note_shown(key, reader, prediction)
        case = store.case(key, reader)
        doubt = measure_uncertainty(prediction)
        if doubt is not None and case.uncertainty != doubt:
            store.add_cases(key.queue, [NewCase(key.case_id, case.folder, case.photos_kept, doubt)])

    def choose_kind(self, mode: Mode, reader: str, key: CaseKey, saved: set[ReviewKind]) -> ReviewKind:
        """Return the kind of a reading that begins or goes on: what was seen stays seen, what began blind stays blind until it is revealed."""
        if "revealed" in saved:
            return "revealed"
        if "assisted" in saved or "consensus" in saved or self.opened_store.was_shown(key, reader):
            return "assisted"
        return "blind" if "blind" in saved or mode == "blind" else "assisted"

    def _tell_gone(self, key: CaseKey) -> None:
        for forget in self.on_gone:
            forget(key)

    def _uncertainty(self, case_id: str) -> float | None:
        if self.bundle is None or not has_prediction(self.bundle, case_id):
            return None
        return measure_uncertainty(read_prediction(self.bundle, case_id))
