"""Where the page gets its predictor from: loaded in a thread, so that the page opens at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Literal, Protocol, Unpack

from magic_demo.core.errors import CheckpointError, MagicDemoError, one_line
from magic_demo.core.messages import Message
from magic_demo.core.types import (
    Encounter,
    Explanation,
    Photo,
    Prediction,
    Probability,
    Step,
)
from magic_demo.models.asked import Asked
from magic_demo.models.feature_cache import FeatureCache
from magic_demo.page.session.inference.turns import LOOK_AGAIN, StoppedError, Turns
from magic_demo.questions.families import QuestionSet

if TYPE_CHECKING:  # torch takes seconds, for which the page does not wait
    from magic_demo.models.interfaces import Guidance


class EncounterPredictor(Protocol):
    """What the page needs of ``magic_demo.models.predictor.Predictor``."""

    @property
    def models(self) -> Mapping[str, str]:
        """Return task -> model id of what is loaded."""

    @property
    def backends(self) -> Mapping[str, str]:
        """Return task -> what its model runs on (``magic_demo.models.backends.backend``)."""

    @property
    def calibrated_on(self) -> Mapping[str, str]:
        """Return task -> the cases, in words, that its probabilities were calibrated on."""

    @property
    def reads_prompt(self) -> bool:
        """Return whether a prompt changes where the lesion is found."""

    @property
    def threshold(self) -> float:
        """Return the probability from which a pixel is lesion."""

    def asking(self, questions: QuestionSet) -> EncounterPredictor:
        """Return the same models, which answer other questions as far as they know them."""

    def has_read(self, photo: Photo, cache: FeatureCache) -> bool:
        """Return whether ``refine`` finds in ``cache`` what the model made of a photo."""

    def refine(
        self, photo: Photo, guidance: Guidance, *, prompt: str = "", cache: FeatureCache | None = None
    ) -> Probability:
        """Return the map (h, w) of a photo that follows what a reader has shown of it."""

    def predict(self, encounter: Encounter) -> Prediction:
        """Predict one encounter."""

    def predict_steps(
        self, encounter: Encounter, *, all_photos: bool = False, **asked: Unpack[Asked]
    ) -> Iterator[Step | Prediction]:
        """Predict one encounter step by step, the whole prediction last; what the cache holds is not computed
        again. all_photos: those unlike the ones that the answers were tested on have a say too."""

    def explain(
        self,
        encounter: Encounter,
        prediction: Prediction,
        family_id: str,
        option: int,
        **asked: Unpack[Asked],
    ) -> Explanation:
        """Say why an option of a family has the score that ``prediction`` gives it."""


class PredictorSource:
    """A predictor that is loaded behind the page. turns: the line in which whoever uses it waits. learnt: the name of
    the learnt model that has taken its place, "" without."""

    def __init__(self, load: Callable[[], EncounterPredictor]) -> None:
        self.turns = Turns()
        self.learnt = ""
        self.resumes: list[Callable[[], None]] = []
        """Called once the page's own models are loaded, before anybody gets them: a learnt one may take their place."""
        self._load = load
        self._own: EncounterPredictor | None = None
        self._is_there: Callable[[], bool] = lambda: True
        self._loaded = threading.Event()
        self._predictor: EncounterPredictor | None = None
        self._problem = ""

    def start(self) -> None:
        """Begin loading in a thread of its own."""
        threading.Thread(target=self._run, name="load-models", daemon=True).start()

    def _run(self) -> None:
        try:
            self._predictor = self._load()
            for resume in self.resumes:
                resume()
        except MagicDemoError as error:
            self._problem = error.message
        except Exception as error:
            self._problem = Message("{kind}: {reason}", kind=type(error).__name__, reason=one_line(error))
            raise  # a fault of ours, not the user's: the traceback goes to the console as well
        finally:
            self._loaded.set()

    def switch(
        self, name: str, load: Callable[[], EncounterPredictor], is_there: Callable[[], bool] = lambda: True
    ) -> None:
        """Load a learnt model and put it in the place of the one in use; an analysis that is under way ends as it
        began, and names the model that it was made by.

        is_there: asked before each use; a model that has gone with a case gives way to the page's own. Raises
        CheckpointError, and nothing changes.
        """
        own = self._predictor if not self._loaded.is_set() and self._predictor else self.get()
        predictor = load()
        self._is_there = is_there
        self._own = self._own or own
        self._predictor, self.learnt = predictor, name

    def go_back(self) -> None:
        """Put the page's own models back in their place."""
        if self._own is not None:
            self._predictor, self.learnt, self._own = self._own, "", None

    @property
    def state(self) -> Literal["loading", "ready", "failed"]:
        """Say how far loading is."""
        if not self._loaded.is_set():
            return "loading"
        return "ready" if self._predictor is not None else "failed"

    @property
    def problem(self) -> str:
        """Return why loading failed, in one line; empty otherwise."""
        return self._problem

    @property
    def models(self) -> Mapping[str, str]:
        """Return task -> model id, empty while loading."""
        return self._predictor.models if self._predictor is not None else {}

    @property
    def backends(self) -> Mapping[str, str]:
        """Return task -> what its model runs on, empty while loading."""
        return self._predictor.backends if self._predictor is not None else {}

    @property
    def calibrated_on(self) -> Mapping[str, str]:
        """Return task -> the cases that its probabilities were calibrated on, empty while loading."""
        return self._predictor.calibrated_on if self._predictor is not None else {}

    @property
    def reads_prompt(self) -> bool:
        """Return whether a prompt changes where the lesion is found; False until that is known."""
        return self._predictor is not None and self._predictor.reads_prompt

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until loading has ended, one way or the other; False when ``seconds`` were not enough."""
        return self._loaded.wait(seconds)

    def asking(
        self, questions: QuestionSet, usual: QuestionSet, stop: threading.Event | None = None
    ) -> EncounterPredictor:
        """Return the predictor as it answers these questions. usual: those that it was loaded for. Raises as
        ``get`` does."""
        predictor = self.get(stop)
        return predictor if questions.digest == usual.digest else predictor.asking(questions)

    def get(self, stop: threading.Event | None = None) -> EncounterPredictor:
        """Return the predictor, waiting until it is loaded.

        Raises CheckpointError with the line that loading ended with, StoppedError once ``stop`` is set.
        """
        while not self.wait(LOOK_AGAIN):
            if stop is not None and stop.is_set():
                raise StoppedError("stopped")
        if self.learnt and not self._is_there():
            self.go_back()
        if self._predictor is None:
            raise CheckpointError(self._problem)
        return self._predictor
