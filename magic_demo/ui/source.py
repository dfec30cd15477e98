"""Where the page gets its predictor from: loaded in a thread, so that the page opens at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Literal, Protocol

from magic_demo.errors import CheckpointError, MagicDemoError, one_line
from magic_demo.types import Encounter, Explanation, Language, Prediction

Progress = Callable[[float, str], None]


class EncounterPredictor(Protocol):
    """What the page needs of ``magic_demo.predictor.Predictor``."""

    @property
    def models(self) -> Mapping[str, str]:
        """Return task -> model id of what is loaded."""

    @property
    def calibrated_on(self) -> Mapping[str, str]:
        """Return task -> the cases, in words, that its probabilities were calibrated on."""

    def predict(
        self, encounter: Encounter, *, prompt: str | None = None, language: Language = "en", progress: Progress | None = None
    ) -> Prediction:
        """Predict one encounter; ``progress`` is called with the share done and what is done now."""

    def explain(
        self, encounter: Encounter, prediction: Prediction, family_id: str, option: int, *, language: Language = "en"
    ) -> Explanation:
        """Say why an option of a family has the score that ``prediction`` gives it."""


class PredictorSource:
    """A predictor that is loaded behind the page."""

    def __init__(self, load: Callable[[], EncounterPredictor]) -> None:
        self._load = load
        self._loaded = threading.Event()
        self._predictor: EncounterPredictor | None = None
        self._problem = ""

    def start(self) -> None:
        """Begin loading in a thread of its own."""
        threading.Thread(target=self._run, name="load-models", daemon=True).start()

    def _run(self) -> None:
        try:
            self._predictor = self._load()
        except MagicDemoError as error:
            self._problem = str(error)
        except Exception as error:
            self._problem = f"{type(error).__name__}: {one_line(error)}"
            raise  # a fault of ours, not the user's: the traceback goes to the console as well
        finally:
            self._loaded.set()

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
    def calibrated_on(self) -> Mapping[str, str]:
        """Return task -> the cases that its probabilities were calibrated on, empty while loading."""
        return self._predictor.calibrated_on if self._predictor is not None else {}

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until loading has ended, one way or the other; False when ``seconds`` were not enough."""
        return self._loaded.wait(seconds)

    def get(self) -> EncounterPredictor:
        """Return the predictor, waiting until it is loaded. Raises CheckpointError with the line that loading ended with."""
        self.wait()
        if self._predictor is None:
            raise CheckpointError(self._problem)
        return self._predictor
