"""What the page reviews and where it keeps it: the store, the queues with their files, predictions of a
bundle, references."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from weakref import WeakValueDictionary

from magic_demo.core.errors import PhotoError, StoreError
from magic_demo.core.limits import LIMITS
from magic_demo.core.messages import Message
from magic_demo.core.types import (
    Answers,
    CaseKey,
    Encounter,
    EncounterFiles,
    Mask,
    Photo,
    Prediction,
    ReviewKind,
    SavedReview,
)
from magic_demo.files.bundles import has_prediction, list_predictions, read_prediction
from magic_demo.files.photos.processes.workers import read_photo_apart
from magic_demo.imaging.run_lengths import decode_mask
from magic_demo.page.session.arrivals import Arrivals
from magic_demo.page.session.open_cases import OpenCases
from magic_demo.page.session.review import Mode
from magic_demo.page.session.sign_in.sign_ins import SignIns
from magic_demo.questions.families import QuestionSet, load_challenge
from magic_demo.reviews.covered_photos import (
    COVERED_NOTE,
    COVERED_SHARE,
    PROPOSED_NOTE,
    CoveredPhotos,
    cover_area,
    covered_beside,
    write_photo,
)
from magic_demo.reviews.deletion import delete_cases
from magic_demo.reviews.exports.case_files import find_case_files, find_originals
from magic_demo.reviews.kept_cases import EXAMPLES, KeptCase, keep_example, keep_upload
from magic_demo.reviews.leftovers import sweep_store
from magic_demo.reviews.queues import measure_uncertainty, read_queue, read_references
from magic_demo.reviews.store import (
    LOCAL_READER,
    PROGRAM,
    Actor,
    NewCase,
    ProposedCover,
    QueueCase,
    Store,
    is_store_there,
    rules,
)
from magic_demo.reviews.store.rules import WITHOUT_MODEL, Action


@dataclass(frozen=True, eq=False)
class CaseOnDesk:
    """A case of a queue as it was read: its photos and words, and one line for each photo that could not be
    used."""

    encounter: Encounter
    problems: tuple[Message, ...] = ()


@dataclass
class Desk:
    """What a page reviews, shared by all its readers.

    store: None where nothing is kept yet. bundle: folder of predictions, used in place of running models.
    mode: how readers begin.
    sign_ins: who is signed in; without it everybody is the local reader. first_queue: the one that readers
    see first.
    place: where the store is opened when the first case is kept. throwaway: the store goes when the program
    ends.
    public: strangers use the page and nobody signs in, so that there is no store, now or later.
    questions: what readers are asked, the same as the store's.
    arrivals: photos that were sent to the page and not opened yet. cases: those that are open. on_gone: told
    of each case that is deleted or whose photo is covered: what was drawn or measured of it before is to be
    forgotten.
    """

    store: Store | None = None
    bundle: Path | None = None
    mode: Mode = "assisted"
    sign_ins: SignIns | None = None
    first_queue: str | None = None
    store_location: str | None = None
    throwaway: bool = False
    public: bool = False
    questions: QuestionSet = field(default_factory=load_challenge)
    arrivals: Arrivals = field(default_factory=Arrivals)
    cases: OpenCases = field(default_factory=lambda: OpenCases(max_bytes=LIMITS.open_bytes))
    on_gone: list[Callable[[CaseKey], None]] = field(default_factory=list)
    _files: dict[CaseKey, EncounterFiles] = field(default_factory=dict)
    _references: dict[str, Mapping[str, Answers]] = field(default_factory=dict)
    _sizes: dict[tuple[Path, int, int], tuple[int, int]] = field(default_factory=dict)
    # they go with the last case that shows them
    _photos: WeakValueDictionary[tuple[Path, int, int], Photo] = field(default_factory=WeakValueDictionary)
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _signing: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        """Raise ValueError where a public page would have a store, or a store answers other questions."""
        if self.store is not None and self.store.questions.digest != self.questions.digest:
            raise ValueError("the desk and its store need the same questions; open the store with the desk's")
        if self.public and (self.store is not None or self.store_location is not None):
            raise ValueError(
                "a public page keeps nothing: a desk that is public has neither a store nor a place for one"
            )

    def add_queue(self, folder: Path) -> list[str]:
        """Put a folder's cases into the queue of its name, and return one line for each case that cannot be
        used.

        Raises FormatError when nothing can be read there, BundleError when the bundle is not there.
        """
        read = read_queue(folder)
        where = folder.resolve()
        name = (where.parent if where.is_file() else where).name or "cases"
        if self.bundle is not None:
            list_predictions(self.bundle)
        location = str(where.parent if where.is_file() else where)
        cases = [
            NewCase(
                files.encounter_id,
                location,
                uncertainty=self._uncertainty(files.encounter_id),
                photos=list_photos(files),
            )
            for files in read.encounters
        ]
        self.opened_store.add_cases(name, cases)
        self.first_queue = self.first_queue or name
        self._files.update({CaseKey(name, files.encounter_id): files for files in read.encounters})
        return list(read.problems)

    @property
    def opened_store(self) -> Store:
        """Return the store. Raises StoreError where nothing is kept."""
        if self.public:
            raise StoreError(
                "this page is open to everybody and keeps nothing; run the program on your own computer to "
                "keep cases"
            )
        if self.store is None:
            raise StoreError(
                "nothing is kept yet; keep a case first, or start the page with --queue FOLDER or --store "
                "PLACE"
            )
        return self.store

    def keep_case(self, encounter: Encounter, reader: str, *, example: Encounter | None) -> KeptCase:
        """Keep an open case as one of a queue, in a store that is opened now where none was needed before.

        example: the bundled case it was opened as. Raises StoreError.
        """
        with self._lock:  # one after another: an example becomes one case, whoever keeps it
            if self.store is None and self.store_location is not None:
                store = Store.open(self.store_location, questions=self.questions)
                sweep_store(store)
                self.store = store
            if reader == LOCAL_READER and self.signing_in() is not None:
                raise StoreError("readers sign in here since a moment ago; reload the page and sign in")
            if example is None:
                return keep_upload(self.opened_store, encounter, reader)
            if encounter.narrative == example.narrative:
                return keep_example(self.opened_store, encounter)
            return keep_upload(self.opened_store, encounter, reader, EXAMPLES)

    def signing_in(self) -> SignIns | None:
        """Return who is signed in, None while nobody signs in: that begins with the first password, also
        while the page runs.

        A store that another program has made meanwhile, where this page would keep its first case, is opened.
        Where the store cannot be asked the last answer stands: nothing of it can be read either.
        """
        if self.sign_ins is None:
            with suppress(StoreError):
                if (
                    self.store is None
                    and self.store_location is not None
                    and is_store_there(self.store_location)
                ):
                    with self._lock:
                        self.store = self.store or Store.open(self.store_location, questions=self.questions)
                if self.store is not None and self.store.needs_sign_in():
                    with self._signing:
                        self.sign_ins = self.sign_ins or SignIns(self.store)
        return self.sign_ins

    def may(self, reader: str, action: Action) -> bool:
        """Return whether a reader may do something here, under ``rules.may``. Raises StoreError."""
        return rules.may(self.opened_store.reader(reader).role, action, signs_in=self.sign_ins is not None)

    def list_permitted(self, reader: str) -> list[Action]:
        """Return everything that a reader may do here. Raises StoreError."""
        return rules.list_permitted(self.opened_store.reader(reader).role, signs_in=self.sign_ins is not None)

    def delete_case(self, key: CaseKey, by: Actor = PROGRAM) -> int:
        """Delete a case with its reviews and the photos that the program keeps, and return how many reviews
        went. Raises StoreError."""
        self._files.pop(key, None)
        try:
            return delete_cases(self.opened_store, [key], by=by).reviews
        finally:  # the case may be gone where traces of it could not be erased
            self._tell_gone(key)

    def empty(self) -> None:
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
            delete_cases(store, keys, what="purge")
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

    def read_case(self, case: QueueCase, reader: str | None = None) -> CaseOnDesk:
        """Read a case's photos and words. Raises StoreError where its files are not there any more.

        reader: who looks at it, from whom the areas are hidden that they have proposed to cover.
        """
        files = self._find_files(case)
        # a complete reading has dealt with all of them
        if case.photos != list_photos(files) and not self.opened_store.read_only:
            self.opened_store.add_cases(
                case.key.queue,
                [
                    NewCase(
                        case.key.case_id, case.folder, case.photos_kept, case.uncertainty, list_photos(files)
                    )
                ],
            )
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
        )

    def _read_photo(self, path: Path, photo_id: str) -> Photo:
        """Return a photo of a stored case: the same one to all who have it open. Raises PhotoError."""
        try:
            state = _file_state(path)
        except OSError:  # it was removed: reading it says so
            return read_photo_apart(path, photo_id=photo_id)
        if (photo := self._photos.get(state)) is not None and photo.photo_id == photo_id:
            return photo
        photo = read_photo_apart(path, photo_id=photo_id)
        if self.covered.holds(path):
            photo = replace(photo, notes=(*photo.notes, COVERED_NOTE))
        self._sizes[state] = photo.size
        self._photos[state] = photo
        return photo

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
                    sizes[photo.photo_id] = self._sizes.get(state) or self._sizes.setdefault(
                        state, read_photo_apart(photo.path).size
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

    def keep_covered(self, case: QueueCase, photo: Photo) -> None:
        """Keep a covered photo of a case, which every reading of the case takes from now on.

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
        return large or self.opened_store.has_others(key, reader)

    def confirm_cover(self, number: int, by: Actor) -> None:
        """Cover for good what a reader has proposed, everywhere it is open. Raises StoreError, OSError."""
        proposed = self.find_proposal(number)
        case = self.opened_store.case(proposed.key, by.name)
        photo = next(
            (
                candidate
                for candidate in self.read_case(case).encounter.photos
                if candidate.photo_id == proposed.photo_id
            ),
            None,
        )
        if photo is None or photo.size != proposed.area.size:
            raise StoreError(
                "{photo} of {case} cannot be read, or is another photo by now; refuse the proposal",
                photo=proposed.photo_id,
                case=proposed.key.case_id,
            )
        covered = cover_photo_area(photo, decode_mask(proposed.area))
        self.keep_covered(case, covered)
        for open_id, reader in self.cases.list_open(proposed.key).items():
            waiting = self.opened_store.proposed_covers(proposed.key, reader) if reader is not None else []
            self.cases.put_photo(
                open_id,
                *hide_proposed([covered], [proposal for proposal in waiting if proposal.number != number]),
            )
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

    def prediction(self, key: CaseKey) -> Prediction | None:
        """Return what the bundle holds of a case, None where there is none.

        Raises BundleError where it is not whole.
        """
        if self.bundle is None or not has_prediction(self.bundle, key.case_id):
            return None
        return read_prediction(self.bundle, key.case_id, self.questions)

    def find_shown(self, key: CaseKey) -> Prediction | None:
        """Return what the bundle holds of a case, or else what anybody was shown of it last; None where no
        model spoke."""
        found = self.prediction(key)
        return found if found is not None else self.opened_store.shown(key)

    def said_to(self, reader: str, keys: Collection[CaseKey]) -> dict[CaseKey, Prediction]:
        """Return what models said of these cases, those left out that the reader has begun blind and not
        revealed."""
        hidden = self.opened_store.unrevealed(reader)
        spoken = {key: self.find_shown(key) for key in keys if key not in hidden}
        return {key: prediction for key, prediction in spoken.items() if prediction is not None}

    def reference(self, case: QueueCase) -> Answers | None:
        """Return the reference answers of a case, None where its folder holds none."""
        if case.folder is None:
            return None
        if case.folder not in self._references:
            self._references[case.folder] = read_references(Path(case.folder), self.questions)
        return self._references[case.folder].get(case.key.case_id)

    def note_shown(self, reader: str, key: CaseKey, prediction: Prediction) -> None:
        """Keep that a reader has seen what the model says of a case, what that is, and how unsure it is of
        it."""
        store, doubt = self.opened_store, measure_uncertainty(prediction, self.questions)
        store.note_shown(key, reader, prediction)
        case = store.case(key, reader)
        if doubt is not None and case.uncertainty != doubt:
            store.add_cases(key.queue, [NewCase(key.case_id, case.folder, case.photos_kept, doubt)])

    def choose_kind(
        self, mode: Mode, reader: str, key: CaseKey, history: Sequence[SavedReview]
    ) -> ReviewKind:
        """Return the kind of a reading that begins or goes on: what was seen stays seen, what began blind
        stays blind until it is revealed.

        history: all that the reader saved of the case. The store has the last word at every save.
        """
        saved = {saved_review.review.kind for saved_review in history}
        known = self.opened_store.known(key, reader)
        finished_blind = any(
            saved_review.complete and saved_review.review.kind in WITHOUT_MODEL for saved_review in history
        )
        if "revealed" in saved or (finished_blind and "model" in known):
            return "revealed"
        if "assisted" in saved or "consensus" in saved or "model" in known:
            return "assisted"
        if saved & set(WITHOUT_MODEL) or mode == "blind":
            return "compared" if "others" in known else "blind"
        return "assisted"

    def note_seen(self, reader: str, key: CaseKey, readings: Sequence[SavedReview]) -> None:
        """Keep that a reader is shown these readings of a case, where others' are among them."""
        if any(saved.review.reader != reader or saved.review.kind == "consensus" for saved in readings):
            self.opened_store.note_seen([key], reader, "others")

    def _tell_gone(self, key: CaseKey) -> None:
        for forget in self.on_gone:
            forget(key)

    def _uncertainty(self, case_id: str) -> float | None:
        if self.bundle is None or not has_prediction(self.bundle, case_id):
            return None
        return measure_uncertainty(read_prediction(self.bundle, case_id, self.questions), self.questions)


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


def page_actor(reader: str, address: str) -> Actor:
    """Return a reader at the page, for the audit trail. address: the network address that the request came
    from, empty where there is none."""
    return Actor(reader, f"page {address}".strip())


def list_photos(files: EncounterFiles) -> tuple[str, ...]:
    """Return the ids of a case's photos, those that cannot be read among them."""
    return tuple(photo.photo_id for photo in files.photo_files)


def _file_state(path: Path) -> tuple[Path, int, int]:
    """Return what is another one as soon as a file holds something else. Raises OSError."""
    file = path.stat()
    return path, file.st_mtime_ns, file.st_size
