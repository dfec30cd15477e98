"""Which class a checkpoint's ``model_type`` stands for, and the one way to load it: a folder or a Hub id.

A class is one of ours, or one that an installed package names in an entry point. None comes from a
checkpoint: ``auto_map`` is not followed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Generic, Protocol, Self, TypeVar

from magic_demo.core.errors import CheckpointError, MagicDemoError, one_line
from magic_demo.files.checkpoint_files import CONFIG, read_config
from magic_demo.models.answers.captions import Captioner
from magic_demo.models.answers.language.answerer import LanguageAnswerer
from magic_demo.models.answers.language.captioner import LanguageCaptioner
from magic_demo.models.answers.language.reader import READING_TYPES, SEEING_TYPES
from magic_demo.models.answers.neighbours.answerer import NeighbourAnswerer
from magic_demo.models.answers.photo_answerer import PhotoAnswerer
from magic_demo.models.answers.text_photo_answerer import TextPhotoAnswerer
from magic_demo.models.interfaces import Answerer, Segmenter
from magic_demo.models.loading.checkpoints import Checkpoint
from magic_demo.models.loading.finding import find_checkpoint
from magic_demo.models.segmentation import registered  # noqa: F401  (tokenizers ask AutoConfig for the model)
from magic_demo.models.segmentation.promptable import TYPES as SAM_TYPES
from magic_demo.models.segmentation.promptable import PromptableSegmenter
from magic_demo.models.segmentation.prompted import PromptedSegmenter
from magic_demo.models.segmentation.semantic import TYPES as SEMANTIC_TYPES
from magic_demo.models.segmentation.semantic import SemanticSegmenter


class _Loadable(Protocol):
    @classmethod
    def load(cls, checkpoint: Checkpoint) -> Self: ...


Model = TypeVar("Model", bound=_Loadable)


@dataclass(frozen=True)
class Registry(Generic[Model]):
    """The models of one kind.

    group: of the entry points that add to them. own: ``model_type`` -> class. renamed: ``model_type`` in
    checkpoints of earlier versions -> today's.
    """

    group: str
    own: Mapping[str, type[Model]]
    renamed: Mapping[str, str] = field(default_factory=dict)

    def list_types(self) -> list[str]:
        """Return every ``model_type`` that is known here, those of installed packages included; a class of
        hundreds says in one word which."""
        own = {getattr(owner, "known_as", name) for name, owner in self.own.items()}
        return sorted({*own, *self._entry_points()})

    def types_of(self, model_class: type[Model]) -> frozenset[str]:
        """Return each ``model_type`` that one of our classes loads, older names included, and those that its
        parts may have."""
        names = {name for name, owner in self.own.items() if owner is model_class}
        parts: frozenset[str] = getattr(model_class, "part_types", frozenset())
        return frozenset(names | {old for old, name in self.renamed.items() if name in names} | parts)

    def find(self, model_type: str) -> type[Model]:
        """Return the class of a ``model_type``.

        Raises CheckpointError with one line when there is none, or its package cannot be imported.
        """
        name = self.renamed.get(model_type, model_type)
        if name in self.own:
            return self.own[name]
        entry = self._entry_points().get(model_type)
        if entry is None:
            raise CheckpointError(
                "a model of type {came!r}; one of {known} is expected, or an installed package with an entry "
                "point of that name in the group {group}",
                came=model_type[:60],
                known=self.list_types(),
                group=self.group,
            )
        try:
            return entry.load()  # type: ignore[no-any-return]
        except Exception as error:  # whatever the package raises
            raise CheckpointError(
                "the entry point {entry} ({group}) cannot be imported ({reason}); mend or remove its package",
                entry=f"{entry.name} = {entry.value}",
                group=self.group,
                reason=one_line(error),
            ) from error

    def load(self, source: str | Path, *, revision: str | None = None, backend: str = "torch") -> Model:
        """Load a folder or a Hub id; ``config.json``'s ``model_type`` picks the class.

        backend: a name that ``choose_backend`` takes. Raises CheckpointError with one line when there is no
        such checkpoint, its type is unknown, or a part is missing or broken; BackendError when this machine
        cannot run the backend.
        """
        folder = find_checkpoint(source, revision=revision)
        model_type = str(read_config(folder)["model_type"])
        try:
            model_class = self.find(model_type)
        except CheckpointError as error:
            raise CheckpointError("{path}: {problem}", path=folder / CONFIG, problem=error) from error
        checkpoint = Checkpoint.open(
            source,
            revision=revision,
            backend=backend,
            # an installed package answers for whatever its own models are made of
            types=self.types_of(model_class) or None,
        )
        try:
            return model_class.load(checkpoint)
        except MagicDemoError:
            raise
        except Exception as error:  # whatever a class of another package raises
            raise CheckpointError(
                "{source}: {model} cannot load this checkpoint ({reason}); fetch or train it again",
                source=source,
                model=model_class.__name__,
                reason=one_line(error),
            ) from error

    def _entry_points(self) -> dict[str, EntryPoint]:
        return {entry.name: entry for entry in entry_points(group=self.group)}


SEGMENTERS: Registry[Segmenter] = Registry(
    "magic_demo.segmenters",
    {
        "clipseg": PromptedSegmenter,
        "compact_segmenter": PromptedSegmenter,
        **dict.fromkeys(SEMANTIC_TYPES, SemanticSegmenter),
        **dict.fromkeys(SAM_TYPES, PromptableSegmenter),
    },
)
ANSWERERS: Registry[Answerer] = Registry(
    "magic_demo.answerers",
    {
        **dict.fromkeys(READING_TYPES | SEEING_TYPES, LanguageAnswerer),
        "neighbours": NeighbourAnswerer,
        "photo_answerer": PhotoAnswerer,
        "text_photo_answerer": TextPhotoAnswerer,
    },
    renamed={"lesion_answerer": "photo_answerer", "magic_case_answerer": "text_photo_answerer"},
)
CAPTIONERS: Registry[Captioner] = Registry(
    "magic_demo.captioners", dict.fromkeys(SEEING_TYPES, LanguageCaptioner)
)


def load_segmenter(source: str | Path, *, revision: str | None = None, backend: str = "torch") -> Segmenter:
    """Load a segmentation model from a folder or a Hub id (``Registry.load``)."""
    return SEGMENTERS.load(source, revision=revision, backend=backend)


def load_answerer(source: str | Path, *, revision: str | None = None, backend: str = "torch") -> Answerer:
    """Load a model for the closed questions from a folder or a Hub id (``Registry.load``)."""
    return ANSWERERS.load(source, revision=revision, backend=backend)


def load_captioner(source: str | Path, *, revision: str | None = None, backend: str = "torch") -> Captioner:
    """Load a model that describes photos from a folder or a Hub id (``Registry.load``)."""
    return CAPTIONERS.load(source, revision=revision, backend=backend)
