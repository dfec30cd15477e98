"""What programs send and get, the same over HTTP and MCP. The field's own words: docs/api.md."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from magic_demo.core.limits import LIMITS
from magic_demo.core.review_types import ReviewKind
from magic_demo.core.types import Language
from magic_demo.page.panels.case.photo_intake import LONGEST_NAME
from magic_demo.reviews.exports import FORMATS, REPORT
from magic_demo.reviews.store import CaseState, ReaderRole
from magic_demo.reviews.store.names import LONGEST_NAME as LONGEST_CASE_NAME

FormatName: TypeAlias = Literal[tuple(offer.name for offer in (*FORMATS, REPORT))]  # type: ignore[valid-type]
JobState = Literal["waiting", "working", "done", "failed", "stopped"]
JobKind = Literal["prediction", "export"]
MaskKind = Literal["rle", "png"]
MOST_LISTED = 1000
QueueName = Annotated[str, Field(min_length=1, max_length=LONGEST_CASE_NAME, description="A queue's name.")]
CaseName = Annotated[
    str, Field(min_length=1, max_length=LONGEST_CASE_NAME, description="A case's id within its queue.")
]


class Asked(BaseModel):
    """What a program sends: nothing beside the fields named."""

    model_config = ConfigDict(extra="forbid")


class Said(BaseModel):
    """What a program gets."""


class ErrorSaid(Said):
    """What went wrong."""

    key: str = Field(description="A word that never changes.")
    message: str = Field(description="One line for people: what came, what was expected, what to do.")


class Failure(Said):
    """An answer of status 400 and above."""

    error: ErrorSaid


class PredictAsked(Asked):
    """A case to predict, besides its photos."""

    consent: Literal["given"] = Field(description="The photos and words may be used.")
    narrative: str = Field(default="", max_length=LIMITS.text_characters, description="The patient's words.")
    language: Language = Field(default="en", description="Which of a narrative's languages the models read.")
    prompt: str = Field(
        default="",
        max_length=LIMITS.prompt_characters,
        description="What the segmentation looks for, if it reads a prompt.",
    )
    masks: MaskKind = Field(default="rle", description="COCO's compressed run lengths, or PNG in base64.")
    all_photos: bool = Field(default=False, description="Photos unlike those tested have a say too.")


class PhotoAsked(Asked):
    """A photo within a message."""

    name: str = Field(default="photo", max_length=LONGEST_NAME, description="Shown, never used as a path.")
    base64: str = Field(min_length=1, description="The file, in base64.")


class PredictToolAsked(PredictAsked):
    """A case to predict: photos, the patient's words, or both."""

    photos: list[PhotoAsked] = Field(default=[], max_length=LIMITS.case_photos)


class ExportAsked(Asked):
    """Finished reviews of a queue in a format."""

    queue: QueueName
    format: FormatName = Field(description="As python -m magic_demo export has it, or report.")
    consensus: bool = Field(default=False, description="A case that has a consensus comes with it alone.")


class CasesAsked(Asked):
    """A part of a queue's list."""

    queue: QueueName
    offset: int = Field(default=0, ge=0, le=LIMITS.queue_cases)
    limit: int = Field(default=200, ge=1, le=MOST_LISTED)


class QueueAsked(Asked):
    """A queue."""

    queue: QueueName


class QuestionsAsked(Asked):
    """What is asked: of a queue, or of a case in none."""

    queue: QueueName | None = None


class CaseAsked(Asked):
    """A case of a queue."""

    queue: QueueName
    case: CaseName


class NumberAsked(Asked):
    """A review by its number."""

    number: int = Field(ge=1, le=2**53)


class JobAsked(Asked):
    """A job by its id."""

    job: str = Field(min_length=1, max_length=64, pattern="^[A-Za-z0-9_-]+$")


class NothingAsked(Asked):
    """Nothing."""


class RunLengths(Said):
    """COCO's compressed run lengths."""

    size: tuple[int, int] = Field(description="Height and width.")
    counts: str


class MaskSaid(Said):
    """Where the lesion is in a photo, at the photo's own size."""

    photo: str = Field(description="The name that the photo was sent under.")
    size: tuple[int, int] = Field(description="Height and width.")
    area: int = Field(description="Pixels of lesion.")
    rle: RunLengths | None = None
    png: str | None = Field(default=None, description="Base64; 255 is lesion.")


class PredictionSaid(Said):
    """What the models say of a case. Research use only."""

    models: dict[str, str] = Field(description="Task -> id of its model.")
    threshold: float
    masks: list[MaskSaid]
    scores: dict[str, list[float]] = Field(description="Question -> a score an option; no probabilities.")
    chances: dict[str, list[float]] = Field(description="Family -> a calibrated probability an option.")
    answers: dict[str, int] = Field(description="Question -> index of the option.")
    unsure: list[str] = Field(description="Families whose answer is hardly better than the usual one.")
    problems: list[str] = Field(description="A line for each photo that could not be used.")
    notes: list[str]
    failures: list[str] = Field(description="A line for each photo or task that a model failed on.")


class JobSaid(Said):
    """Work that goes on; ask again until its state is done, failed or stopped."""

    job: str
    kind: JobKind
    state: JobState
    share: float = Field(ge=0, le=1, description="How much is done.")
    what: str = Field(description="What goes on, in a line.")
    error: ErrorSaid | None = None
    prediction: PredictionSaid | None = None
    file: str | None = Field(default=None, description="Path of the file that it made, below this server.")


class JobsSaid(Said):
    """The token's own jobs."""

    jobs: list[JobSaid]


class QuestionSaid(Said):
    """A family of questions: its slots share the options."""

    family: str
    title: str
    questions: list[str]
    options: list[str]


class QuestionsSaid(Said):
    """The closed questions, in the order of answers."""

    families: list[QuestionSaid]


class QueuesSaid(Said):
    """Names of queues."""

    queues: list[str]
    role: ReaderRole = Field(description="What the token's reader is.")


class CaseSaid(Said):
    """A case as the token's reader sees it in the list."""

    case: str
    state: CaseState
    flagged: bool
    complete: bool
    consensus: bool
    assigned_to: list[str]
    photos: list[str] | None = None
    differs: bool | None = Field(default=None, description="From the model; null where it is hidden.")


class CasesSaid(Said):
    """A part of a queue's list."""

    total: int
    cases: list[CaseSaid]


class ReviewSaid(Said):
    """A finished review. content: answers, masks, comment and the rest, as docs/exports.md has them."""

    number: int
    queue: str
    case: str
    reader: str
    kind: ReviewKind
    complete: bool
    saved_at: datetime
    seconds: float
    content: dict[str, Any]
    differs: list[str] | None = Field(
        default=None, description="Families and photos that differ from the model; null where it is hidden."
    )


class ReviewsSaid(Said):
    """The newest finished review of each reader and kind."""

    reviews: list[ReviewSaid]


class ProgressSaid(Said):
    """How far a reader is in a queue."""

    reader: str
    cases: int
    in_progress: int
    done: int
    flagged: int


class ReadersSaid(Said):
    """How far each reader is in a queue."""

    readers: list[ProgressSaid]
