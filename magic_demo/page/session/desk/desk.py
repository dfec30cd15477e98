"""The desk with all its parts, and what its readers were shown."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from magic_demo.core.errors import StoreError
from magic_demo.core.review_types import CaseKey, ReviewKind, SavedReview
from magic_demo.core.types import (
    Answers,
    Prediction,
    SimilarCase,
)
from magic_demo.page.session.desk.coverings import CoveringsOnDesk
from magic_demo.page.session.desk.systems import shown_system
from magic_demo.page.session.review import Mode
from magic_demo.reviews.cases.queues import measure_uncertainty, read_references
from magic_demo.reviews.learning.gain import measure_doubts
from magic_demo.reviews.store import (
    Actor,
    QueueCase,
)
from magic_demo.reviews.store.rules import WITHOUT_MODEL

MOST_SIMILAR = 5
"""Cases of an index that are shown beside one."""


class Desk(CoveringsOnDesk):
    """What a page reviews, shared by all its readers; ``OpenedDesk`` says what each of its values is."""

    def find_shown(self, key: CaseKey, reader: str | None = None) -> Prediction | None:
        """Return what the bundle holds of a case, or else what anybody was shown of it last; None where no
        model spoke. reader: of several bundles, the one that this reader was shown last counts."""
        several = len(self.systems) > 1
        last = self.opened_store.shown(key, reader) if several else None
        found = self.prediction(key, shown_system(last))
        return found if found is not None else self.opened_store.shown(key)

    def recall_prediction(self, key: CaseKey, reader: str) -> Prediction | None:
        """Return what a reader who goes on with a case was shown of it last, as its bundle has it now."""
        shown = self.opened_store.shown(key, reader)
        return self.prediction(key, shown_system(shown)) or shown

    def choose_similar(
        self, cases: Sequence[SimilarCase], reader: str
    ) -> list[tuple[SimilarCase, Path | None]]:
        """Return the cases of an index that a reader may see, at most ``MOST_SIMILAR``, each with the file of its
        first photo; None where there is none to be shown.

        A case that lies in a queue here too is seen by whom it is open to and who was shown the model's answer
        of it: others may still read it blind. A photo that was covered there is not shown. Raises StoreError.
        """
        wanted = {case.case_id for case in cases}
        keys = self.store.case_keys() if self.store is not None else []
        queued = [key for key in keys if key.case_id in wanted]
        open_ones = {key for key in queued if self._is_known(key, reader)}
        unseen = {key.case_id for key in queued if key not in open_ones}
        covered = {key.case_id for key in open_ones if self._is_covered(key)}
        chosen = [case for case in cases if case.case_id not in unseen][:MOST_SIMILAR]
        return [
            (case, self._find_index_photo(case.case_id) if case.case_id not in covered else None)
            for case in chosen
        ]

    def _is_known(self, key: CaseKey, reader: str) -> bool:
        try:
            self.check_assigned(self.opened_store.case(key, reader), reader)
        except StoreError:
            return False
        return "model" in self.opened_store.known(key, reader)

    def _is_covered(self, key: CaseKey) -> bool:
        return self.covered.folder_of(key).is_dir() or bool(self.opened_store.proposed_covers(key))

    def _find_index_photo(self, case_id: str) -> Path | None:
        files = self.index_files.get(case_id)
        return next((photo.path for photo in files.photo_files if photo.path), None) if files else None

    def said_to(self, reader: str, keys: Collection[CaseKey]) -> dict[CaseKey, Prediction]:
        """Return what models said of these cases, those left out that the reader has begun blind and not
        revealed."""
        hidden = self.opened_store.unrevealed(reader)
        spoken = {key: self.find_shown(key, reader) for key in keys if key not in hidden}
        return {key: prediction for key, prediction in spoken.items() if prediction is not None}

    def reference(self, case: QueueCase) -> Answers | None:
        """Return the reference answers of a case, None where its folder holds none."""
        if case.folder is None:
            return None
        asked = self.questions_of(case.key)
        known = (case.folder, asked.digest)
        if known not in self._references:
            self._references[known] = read_references(Path(case.folder), asked)
        return self._references[known].get(case.key.case_id)

    def note_shown(self, reader: str, key: CaseKey, prediction: Prediction) -> None:
        """Keep that a reader has seen what the model says of a case, what that is, and how unsure it is of
        it."""
        store, asked = self.opened_store, self.questions_of(key)
        doubt, doubts = measure_uncertainty(prediction, asked), measure_doubts(prediction, asked)
        store.note_shown(key, reader, prediction)
        case = store.case(key, reader)
        if case.doubts != doubts or (doubt is not None and case.uncertainty != doubt):
            store.describe_case(key, uncertainty=doubt, doubts=doubts)

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


def page_actor(reader: str, address: str) -> Actor:
    """Return a reader at the page, for the audit trail. address: the network address that the request came
    from, empty where there is none."""
    return Actor(reader, f"page {address}".strip())
