"""The shipped checkpoints, and a predictor from any others."""

from __future__ import annotations

from pathlib import Path

from magic_demo.core.errors import CheckpointError
from magic_demo.core.limits import check_limits
from magic_demo.cues.cue_model import CueModel
from magic_demo.files.checkpoint_files import find_shipped, read_config
from magic_demo.models.backends.backend import use_cores
from magic_demo.models.backends.names import AUTO
from magic_demo.models.interfaces import Answerer
from magic_demo.models.loading.finding import find_checkpoint
from magic_demo.models.predictor import Predictor
from magic_demo.models.registry import ANSWERERS, load_answerer, load_captioner, load_segmenter
from magic_demo.questions.calibration import read_calibration
from magic_demo.questions.combining import read_weights
from magic_demo.questions.families import QuestionSet

CHECKPOINTS = find_shipped()
DEFAULT_SEGMENTATION = CHECKPOINTS / "segmentation-compact"
DEFAULT_ANSWERS = CHECKPOINTS / "photo-answerer"
DEFAULT_CUES = CHECKPOINTS / "cue-model"


def load_predictor(
    *,
    segmentation: str | Path | None = DEFAULT_SEGMENTATION,
    answers: str | Path | None = DEFAULT_ANSWERS,
    cues: str | Path | None = DEFAULT_CUES,
    backend: str = AUTO,
    questions: QuestionSet | None = None,
    masks: bool = True,
    captions: str | Path | None = None,
    second_pass: bool = False,
    examples: str | Path | None = None,
) -> Predictor:
    """Load the models from folders or Hub ids; None leaves one out.

    segmentation, answers: a checkpoint of any class in ``registry``. cues: a cue model's. backend: what the
    models' encoders run on, a name that ``choose_backend`` takes. questions: what is asked, the
    challenge's questions when None. masks: whether predictions hold the lesion maps. captions: a
    vision-language model that describes the photos for the answerer. second_pass: the answerer reads its own
    answers before it answers again, and those of similar cases of the index ``examples``. Raises CheckpointError, BackendError or, where the environment sets a limit
    wrongly, LimitError with one line.
    """
    check_limits()
    use_cores()
    calibrations = [
        read_calibration(find_checkpoint(source)) for source in (cues, answers) if source is not None
    ]
    return Predictor(
        load_segmenter(segmentation, backend=backend) if segmentation is not None else None,
        _load_answerer(answers, backend, second_pass, examples) if answers is not None else None,
        CueModel.load(cues) if cues is not None else None,
        read_weights(find_checkpoint(answers)) if answers is not None else None,
        [calibration for calibration in calibrations if calibration is not None],
        questions,
        masks=masks,
        captioner=load_captioner(captions, backend=backend)
        if captions is not None and answers is not None
        else None,
    )


def reads_lesion(source: str | Path) -> bool:
    """Return whether an answerer reads what the segmentation model found, by its class or as its ``config.json`` says.
    Raises CheckpointError."""
    config = read_config(find_checkpoint(source))
    return ANSWERERS.find(str(config["model_type"])).reads_lesion or bool(config.get("reads_lesion"))


def _load_answerer(
    source: str | Path, backend: str, second_pass: bool, examples: str | Path | None
) -> Answerer:
    answerer = load_answerer(source, backend=backend)
    if not (second_pass or examples is not None):
        return answerer
    twice = answerer.think_twice(load_answerer(examples) if examples is not None else None)
    if twice is None:
        raise CheckpointError(
            "{source}: this answerer cannot read its own answers; a second pass needs a language model",
            source=source,
        )
    return twice
