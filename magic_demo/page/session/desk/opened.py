"""The desk itself: the store, opened when it is needed, and who may do what."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from magic_demo.core.errors import StoreError
from magic_demo.core.limits import LIMITS
from magic_demo.core.process.single_flight import SingleFlight
from magic_demo.core.review_types import CaseKey
from magic_demo.core.types import (
    Answers,
    Encounter,
    EncounterFiles,
    Photo,
)
from magic_demo.page.session.arrivals import Arrivals
from magic_demo.page.session.desk.systems import System
from magic_demo.page.session.inference.source import EncounterPredictor
from magic_demo.page.session.open_cases import FileState, OpenCases
from magic_demo.page.session.review import Mode
from magic_demo.page.session.sign_in.sign_ins import SignIns
from magic_demo.questions.families import QuestionSet, load_challenge
from magic_demo.reviews.cases.kept_cases import EXAMPLES, UPLOADS, KeptCase, keep_example, keep_upload
from magic_demo.reviews.cases.leftovers import sweep_store
from magic_demo.reviews.store import (
    LOCAL_READER,
    QueueCase,
    Store,
    is_store_there,
    rules,
)
from magic_demo.reviews.store.rules import Action


@dataclass
class OpenedDesk:
    """What a page reviews, shared by all its readers.

    store: None where nothing is kept yet. systems: whose bundles are shown in place of running models.
    mode: how readers begin.
    sign_ins: who is signed in; without it everybody is the local reader. first_queue: the one that readers
    see first.
    place: where the store is opened when the first case is kept. throwaway: the store goes when the program
    ends.
    public: strangers use the page and nobody signs in, so that there is no store, now or later.
    questions: what readers are asked of cases that are in no queue with questions of its own, the same as the
    store's.
    arrivals: photos that were sent to the page and not opened yet. cases: those that are open. on_gone: told
    of each case that is deleted or whose photo is covered: what was drawn or measured of it before is to be
    forgotten. load_learnt: loads the page's models with these in their place (segmentation, answers); None where
    none can be learnt. learn_from: options of `training learn` that name the page's own models.
    index_files: encounter id -> where the photos of the index that answers lie, where they may be shown.
    """

    store: Store | None = None
    systems: tuple[System, ...] = ()
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
    load_learnt: Callable[..., EncounterPredictor] | None = None
    learn_from: tuple[str, ...] = ()
    index_files: Mapping[str, EncounterFiles] = field(default_factory=dict)
    _files: dict[CaseKey, EncounterFiles] = field(default_factory=dict)
    _references: dict[tuple[str, str], Mapping[str, Answers]] = field(default_factory=dict)
    _sizes: dict[FileState, tuple[int, int]] = field(default_factory=dict)
    # they go with the last case that shows them
    _photos: WeakValueDictionary[tuple[FileState, str], Photo] = field(default_factory=WeakValueDictionary)
    _unpacking: SingleFlight[Photo] = field(default_factory=SingleFlight)
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

    def questions_of(self, key: CaseKey | None) -> QuestionSet:
        """Return what readers are asked of a case; None: of one that is in no store. Raises StoreError."""
        return self.questions if key is None else self.opened_store.questions_of(key.queue)

    def takes_lesions_apart(self, key: CaseKey | None) -> bool:
        """Return whether a case's queue asks for its lesions one by one; not of one that is in no store. Raises
        StoreError."""
        return key is not None and self.opened_store.takes_lesions_apart(key.queue)

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
            self._ask_here(UPLOADS if example is None else EXAMPLES)
            if example is None:
                return keep_upload(self.opened_store, encounter, reader)
            if encounter.narrative == example.narrative:
                return keep_example(self.opened_store, encounter)
            return keep_upload(self.opened_store, encounter, reader, EXAMPLES)

    def _ask_here(self, queue: str) -> None:
        """Let a queue ask what an open case was asked. Raises StoreError where it asks something else."""
        store = self.opened_store
        if not store.has_questions(queue):
            store.ask(queue, self.questions)
        elif store.questions_of(queue).digest != self.questions.digest:
            raise StoreError(
                "the queue {queue!r} asks other questions than were asked here; start the page with its question file "
                "(--questions), or name another store",
                queue=queue,
            )

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

    def check_assigned(self, case: QueueCase, reader: str) -> None:
        """Raise StoreError for a case that is assigned to others, or whose second reading would begin too early."""
        if case.assigned_to and reader not in case.assigned_to and not self.may(reader, "open any case"):
            raise StoreError(
                "{case} is assigned to others; an adjudicator can assign it to {reader}",
                case=case.key.case_id,
                reader=reader,
            )
        self.opened_store.check_washed_out(case.key, reader)

    def reader(self, cookies: Mapping[str, str]) -> str:
        """Return who is at a browser with these cookies. Raises StoreError for nobody."""
        if self.sign_ins is None:
            return LOCAL_READER
        reader = self.sign_ins.find_reader(cookies)
        if reader is None:
            raise StoreError("nobody is signed in here; reload the page and sign in")
        return reader.name

    def _tell_gone(self, key: CaseKey) -> None:
        for forget in self.on_gone:
            forget(key)
