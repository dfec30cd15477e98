"""THE FORMATS THAT REVIEWS ARE READ FROM: one entry each, which the command and docs/exports.md read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from magic_demo.core.types import EncounterFiles
from magic_demo.questions.families import QuestionSet, load_challenge
from magic_demo.reviews.exports.training_sets.data_set import MANIFEST
from magic_demo.reviews.imports.documents import load_json, peek_json
from magic_demo.reviews.imports.formats.challenge import find_challenge, read_challenge
from magic_demo.reviews.imports.formats.coco import find_coco, read_coco
from magic_demo.reviews.imports.formats.cvat import find_cvat, read_cvat
from magic_demo.reviews.imports.formats.datumaro import find_datumaro, read_datumaro
from magic_demo.reviews.imports.formats.label_images import find_label_images, read_label_images
from magic_demo.reviews.imports.formats.label_studio.tasks import find_label_studio, read_label_studio
from magic_demo.reviews.imports.formats.labelme import find_labelme, read_labelme
from magic_demo.reviews.imports.formats.mask_folder import find_mask_folder, read_mask_folder
from magic_demo.reviews.imports.formats.tables import find_csv, find_parquet, read_csv, read_parquet
from magic_demo.reviews.imports.gathering import Gathering, ImportedReviews, SourceError


@dataclass(frozen=True)
class Source:
    """A format that reviews are read from.

    name: on the command line. contents: what is read of it, in one line of English, for the command's help and the
    table of docs/exports.md. found: tells whether a place holds it. read: gathers what a place says; raises
    MagicDemoError where it is none of the format, and names in ``left_out`` what it does not take.
    """

    name: str
    contents: str
    found: Callable[[Path], bool]
    read: Callable[[Path, Gathering], None]


SOURCES: tuple[Source, ...] = (
    Source(
        "label-studio",
        "masks (brushes, bitmasks, polygons, rectangles, ellipses) and answers",
        find_label_studio,
        read_label_studio,
    ),
    Source("csv", "everything that `export --format csv` wrote", find_csv, read_csv),
    Source("parquet", "everything that `export --format parquet` wrote", find_parquet, read_parquet),
    Source("coco", "masks (run lengths, polygons); the clicks of our own export", find_coco, read_coco),
    Source(
        "datumaro",
        "masks (run lengths, polygons, boxes, ellipses)",
        find_datumaro,
        read_datumaro,
    ),
    Source("cvat", "masks (masks, polygons, boxes, ellipses) and our own clicks", find_cvat, read_cvat),
    Source("labelme", "masks (masks, polygons, rectangles, circles)", find_labelme, read_labelme),
    Source("labels", "masks of several labels", find_label_images, read_label_images),
    Source("challenge", "masks and answers of each annotator", find_challenge, read_challenge),
    Source("masks", "masks (PNG, TIFF, label images)", find_mask_folder, read_mask_folder),
)
"""In the order in which a place is asked which of them it holds."""


def read_reviews(
    path: Path,
    queue: str,
    cases: Iterable[EncounterFiles] = (),
    questions: QuestionSet | None = None,
    *,
    format: str | None = None,
    reader: str = "imported",
    sources: Sequence[Source] = SOURCES,
) -> ImportedReviews:
    """Read reviews of a folder or file.

    queue: where they are to belong. cases: say which case a photo is of, and how large it is; else its name says the case
    (``IMG_<case>_<number>``), or the photo is taken for one. questions: what was answered, the challenge's when
    None. format: the name of one of ``sources``, found out when None. reader: whose a mask is where nothing says it.
    Raises SourceError or FormatError, one line, when there is nothing of the kind.
    """
    if not path.exists():
        raise SourceError(
            "{place}: no such file or folder; one of {known} is expected",
            place=path,
            known=[source.name for source in sources],
        )
    exported_of = _read_photos(path)
    source = next(
        (one for one in sources if (one.name == format if format is not None else one.found(path))), None
    )
    if source is None:
        if path.suffix.lower() == ".json":
            load_json(path)  # says what is wrong with it, where something is
        raise SourceError(
            "{place}: holds none of {known}; say which it is with --format",
            place=path,
            known=[one.name for one in sources],
        )
    gathering = Gathering(queue, tuple(cases), questions or load_challenge(), reader, exported_of)
    source.read(path, gathering)
    return gathering.finish()


def _read_photos(path: Path) -> Mapping[str, str]:
    """Return photo id -> case id as an export's ``export.json`` says, none where it is no export or of an older version."""
    content = peek_json((path if path.is_dir() else path.parent) / MANIFEST)
    photos = content.get("photos") if isinstance(content, dict) else None
    return {name: str(case_id) for name, case_id in photos.items()} if isinstance(photos, dict) else {}
