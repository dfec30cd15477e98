"""One synthetic encounter with everything that is true of it: photos, masks of several annotators, narrative,
answers."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from magic_demo.core.types import LANGUAGES, Answers, Encounter, Mask, Narrative, Photo, Pixels
from magic_demo.synthetic.drawing.scenes import draw_scene, outline_mask
from magic_demo.synthetic.narratives import Facts, Words, write_narrative, write_responses
from magic_demo.synthetic.truth import CONDITIONS, Truth, answer_questions, draw_truth

EXIF_ORIENTATION = 0x0112
TURNS: dict[int, Any] = {
    3: Image.Transpose.ROTATE_180,
    6: Image.Transpose.ROTATE_90,
    8: Image.Transpose.ROTATE_270,
}
"""EXIF orientation -> what is done to upright pixels before they are stored, so that a reader who follows the
tag turns them back."""


@dataclass(frozen=True, eq=False)
class SyntheticCase:
    """A drawn encounter and everything that is true of it.

    photos, masks, annotators: one a photo, upright; masks (H, W) bool; annotators one to four (H, W) bool
    masks a photo.
    answers: every qid. responses: clinicians' answers, English and Chinese. truth: what was drawn, and what
    the text tells.
    """

    encounter_id: str
    words: Words
    photos: tuple[Photo, ...]
    masks: tuple[Mask, ...]
    annotators: tuple[tuple[Mask, ...], ...]
    answers: Answers
    responses: tuple[tuple[str, str], ...]
    truth: Truth

    @property
    def narrative(self) -> Narrative:
        """Return the patient's words, title and content joined."""
        return self.words.narrative

    @property
    def encounter(self) -> Encounter:
        """Return the case as a model sees it."""
        return Encounter(
            self.encounter_id, self.narrative, self.photos, tuple(english for english, _ in self.responses)
        )


def make_case(
    seed: int,
    number: int,
    *,
    condition: str | None = None,
    truth: Truth | None = None,
    longest: int | None = None,
) -> SyntheticCase:
    """Make case ``number`` of a seed; the same arguments give the same case, whatever other cases are made.

    condition: a name of truth.CONDITIONS, any when None. truth: given, it is not drawn. longest: the photos'
    longest side in pixels (they are drawn in a fifth of the time at 320), 480 to 1600 at random when None.
    Raises ValueError for an unknown condition.
    """
    if condition is not None and condition not in CONDITIONS:
        raise ValueError(f"unknown condition {condition!r}; one of {', '.join(CONDITIONS)} is expected")
    if truth is None:
        truth = draw_truth(np.random.default_rng([seed, number, 1]), condition)
    word_rng = np.random.default_rng([seed, number, 2])
    facts = Facts(
        site=truth.stated_site,
        duration=truth.stated_duration,
        itch=truth.stated_itch,
        arrangement=truth.arrangement if truth.states_count else None,
        number=truth.count,
        colour=truth.colour if truth.states_colour else None,
        texture=truth.texture if truth.states_texture else None,
        silent=truth.silent,
    )
    encounter_id = f"ENC{number:05d}"
    photos, masks, annotators = [], [], []
    for index in range(truth.photos):
        pixels, mask = draw_scene(truth, (seed, number), index, longest)
        photos.append(Photo(f"IMG_{encounter_id}_{index + 1:05d}", pixels))
        masks.append(mask)
        annotators.append(outline_mask(mask, np.random.default_rng([seed, number, 3, index])))
    return SyntheticCase(
        encounter_id=encounter_id,
        words=write_narrative(facts, word_rng),
        photos=tuple(photos),
        masks=tuple(masks),
        annotators=tuple(annotators),
        answers=answer_questions(truth),
        responses=write_responses(CONDITIONS[truth.condition].name, word_rng),
        truth=truth,
    )


def make_entry(case: SyntheticCase) -> dict[str, Any]:
    """Return a case as the challenge's JSON has it."""
    authors = np.random.default_rng([int(case.encounter_id[3:]), 9]).integers(
        1, 30000, 1 + len(case.responses)
    )
    entry: dict[str, Any] = {
        "encounter_id": case.encounter_id,
        "author_id": f"U{int(authors[0]):05d}",
        "image_ids": [f"{photo.photo_id}.jpg" for photo in case.photos],
        "responses": [
            {"author_id": f"U{int(author):05d}", "content_zh": chinese, "content_en": english}
            for author, (english, chinese) in zip(authors[1:], case.responses, strict=True)
        ],
    }
    for language in LANGUAGES:
        entry[f"query_title_{language}"] = case.words.title[language]
        entry[f"query_content_{language}"] = case.words.content[language]
    return entry


def encode_photo(pixels: Pixels, *, quality: int = 90, orientation: int = 1) -> bytes:
    """Return JPEG bytes; with an EXIF ``orientation`` of 3, 6 or 8 the stored pixels are turned so that the
    tag turns them upright."""
    image = Image.fromarray(pixels)
    stream = io.BytesIO()
    if orientation == 1:
        image.save(stream, "JPEG", quality=quality)
    else:
        exif = Image.Exif()
        exif[EXIF_ORIENTATION] = orientation
        image.transpose(TURNS[orientation]).save(stream, "JPEG", quality=quality, exif=exif)
    return stream.getvalue()
