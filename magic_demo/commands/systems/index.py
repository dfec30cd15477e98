"""``python -m magic_demo index``: labelled cases become an index whose neighbours answer."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from magic_demo.challenge.running.cases import read_encounter
from magic_demo.core.errors import CheckpointError, FormatError, ModelError
from magic_demo.core.plural import count
from magic_demo.core.types import EncounterFiles
from magic_demo.files.answers import read_answers
from magic_demo.files.encounters import read_encounters
from magic_demo.models.answers.neighbours.case_index import VoteSettings, build_index
from magic_demo.models.answers.neighbours.folder import write_index
from magic_demo.models.answers.neighbours.photo_features import PhotoVectors, SeenBy, pool_photo
from magic_demo.models.answers.neighbours.search import Floats
from magic_demo.models.answers.neighbours.text_encoder import ENCODER, FolderEncoder, copy_encoder
from magic_demo.models.interfaces import Segmenter, segment_photo
from magic_demo.models.loading.predictors import DEFAULT_SEGMENTATION
from magic_demo.models.registry import load_segmenter

EXIT_DONE, EXIT_WITH_PROBLEMS = 0, 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``python -m magic_demo index``."""
    parser.add_argument(
        "data", type=Path, metavar="DATA", help="folder with <split>.json and <split>_cvqa.json"
    )
    parser.add_argument("--split", default="train", help="the split to index, no other (default: train)")
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="INDEX",
        help="new folder; `--answers INDEX` answers with it",
    )
    parser.add_argument(
        "--encoder",
        metavar="FOLDER_OR_HUB_ID",
        help="a sentence-transformers model that compares the words (default: cues and hashed words)",
    )
    parser.add_argument(
        "--present-from",
        default="",
        metavar="ID",
        help="first encounter of the present labelling: in the challenge's train split ENC00302, before which "
        "colour and texture were labelled otherwise and count less",
    )
    parser.add_argument(
        "--photos",
        action="store_true",
        help="keep what the segmentation model sees in the cases' photos as well: cases without words are then compared "
        "by photos",
    )
    parser.add_argument(
        "--segmentation",
        default=str(DEFAULT_SEGMENTATION),
        metavar="FOLDER_OR_HUB_ID",
        help="with --photos: that model; the index then answers beside no other (default: the one that comes along)",
    )
    parser.add_argument(
        "--photo-share",
        type=float,
        default=VoteSettings.photo_share,
        metavar="SHARE",
        help="with --photos: what photos count beside words, 0 to 1, of cases that have both (default: %(default)s, as it "
        "was never measured on cases with both)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the index; returns 0, or 3 where a photo cannot be read, which is named."""
    if not 0 <= arguments.photo_share <= 1 or (arguments.photo_share and not arguments.photos):
        raise FormatError(
            "--photo-share {share}: 0 to 1 is expected, beside --photos", share=arguments.photo_share
        )
    out: Path = arguments.out
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FormatError("{out}: is not empty; choose another --out", out=out)
    files = sorted(arguments.data.rglob(f"{arguments.split}_cvqa.json")) if arguments.data.is_dir() else []
    if len(files) != 1:
        raise FormatError(
            "{data}: {count} files named {split}_cvqa.json are below it, one is expected",
            data=arguments.data,
            count=len(files),
            split=arguments.split,
        )
    answers = read_answers(files[0])
    found = read_encounters(arguments.data, arguments.split).encounters
    cases = sorted(
        (case for case in found if case.encounter_id in answers), key=lambda case: case.encounter_id
    )
    if not cases:
        raise FormatError("{data}: no encounter of {split} has answers", data=files[0], split=arguments.split)
    photos, problems = None, list[str]()
    if arguments.photos:
        photos, problems = see_photos(load_segmenter(arguments.segmentation), cases)
    encoder = None
    if arguments.encoder is not None:
        copy_encoder(arguments.encoder, out / ENCODER)
        encoder = FolderEncoder.load(out / ENCODER)
    given = [answers[case.encounter_id] for case in cases]
    index = build_index(
        [case.encounter_id for case in cases],
        [case.narrative for case in cases],
        given,
        settings=VoteSettings(photo_share=arguments.photo_share),
        present_from=arguments.present_from,
        encoder=encoder,
        photos=photos,
    )
    write_index(out, index, arguments.split, given)
    for problem in problems:
        print(problem, file=sys.stderr)
    seen = f" with {count(len(photos.rows), 'photo', 'photos')}" if photos is not None else ""
    print(f"{len(cases)} encounters of {arguments.split}{seen} indexed, written to {out}")
    return EXIT_WITH_PROBLEMS if problems else EXIT_DONE


def see_photos(segmenter: Segmenter, cases: Sequence[EncounterFiles]) -> tuple[PhotoVectors, list[str]]:
    """Return what a segmentation model sees in the cases' photos, and a line for each that cannot be read.

    Raises CheckpointError for a model without features, FormatError without any photo.
    """
    features: list[list[Floats]] = []
    problems: list[str] = []
    for case in tqdm(cases, desc="Looking at the photos", unit="case", leave=False):
        encounter, unread = read_encounter(case)
        problems += unread.values()
        prompt = encounter.prompt("en", segmenter.prompt_kind)
        features.append([])
        for photo in encounter.photos:
            try:
                seen = segment_photo(segmenter, photo.pixels, segmenter.look(photo.pixels), prompt)
            except ModelError as error:
                problems.append(f"{photo.photo_id}: {error}")
                continue
            pooled = pool_photo(seen)
            if pooled is None:
                raise CheckpointError(
                    "{model}: has no features to compare photos by; give the one that comes along, or a compact one, as "
                    "--segmentation",
                    model=segmenter.model_id,
                )
            features[-1].append(pooled)
    if not any(features):
        raise FormatError("no photo of these encounters can be read; leave out --photos, or bring them")
    return PhotoVectors.of(features, SeenBy.of(segmenter)), problems
