"""``python -m tests.e2e.slow_page PORT FOLDER``: the page over a model as slow as a test wants: it is done
with photo N once FOLDER/N is there."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import numpy as np

from magic_demo.core.messages import Message
from magic_demo.core.types import Encounter, Explanation, Language, PhotoPrediction, Prediction, Step
from magic_demo.models.feature_cache import FeatureCache
from magic_demo.page.build import Desk, PredictorSource, build_app, launch_settings, list_gates, list_routes
from magic_demo.questions.decoding import decode_answers
from magic_demo.questions.families import load_families
from magic_demo.synthetic.bundled import load_examples

THRESHOLD = 0.4


class SlowPredictor:
    """Finds the same disc on every photo."""

    models: Mapping[str, str] = {"segmentation": "slow"}
    backends: Mapping[str, str] = {}
    calibrated_on: Mapping[str, str] = {}
    reads_prompt = True

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def predict(self, encounter: Encounter) -> Prediction:
        raise NotImplementedError

    def predict_steps(
        self,
        encounter: Encounter,
        *,
        prompt: str | None = None,
        language: Language = "en",
        cache: FeatureCache | None = None,
    ) -> Iterator[Step | Prediction]:
        rows, columns = np.mgrid[:64, :64]
        disc = np.clip(1.2 - np.hypot(rows - 32, columns - 32) / 30, 0, 1).astype(np.float32)
        photos: tuple[PhotoPrediction, ...] = ()
        for number, photo in enumerate(encounter.photos, start=1):
            so_far = Prediction(encounter.encounter_id, photos, threshold=THRESHOLD)
            yield Step(
                (number - 1) / len(encounter.photos),
                Message(
                    "Finding the lesion in photo {number} of {count}",
                    number=number,
                    count=len(encounter.photos),
                ),
                so_far,
            )
            while not (self.folder / f"{number}").exists():
                time.sleep(0.02)
            photos = (*photos, PhotoPrediction(photo.photo_id, disc, photo.size))
        families = load_families()
        scores = {
            question.qid: np.zeros(question.option_count, np.float32)
            for family in families
            for question in family.questions
        }
        yield Prediction(
            encounter.encounter_id, photos, scores, decode_answers(scores, families), threshold=THRESHOLD
        )

    def explain(
        self,
        encounter: Encounter,
        prediction: Prediction,
        family_id: str,
        option: int,
        *,
        prompt: str | None = None,
        language: Language = "en",
        cache: FeatureCache | None = None,
    ) -> Explanation:
        return Explanation(family_id, option, language)


def main() -> None:
    """Serve until killed."""
    port, folder = int(sys.argv[1]), Path(sys.argv[2])
    source = PredictorSource(lambda: SlowPredictor(folder))
    source.start()
    desk, host = Desk(), "127.0.0.1"
    app = build_app(source, load_examples(), desk)
    settings = launch_settings(list_routes(source, load_examples(), desk, host), list_gates(None, host))
    app.launch(server_name=host, server_port=port, prevent_thread_lock=True, **settings)
    app.block_thread()


if __name__ == "__main__":
    main()
