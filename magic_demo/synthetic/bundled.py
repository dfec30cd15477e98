"""The eight synthetic examples that come with the program: how they are made, and how they are loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from magic_demo.core.disk.whole_files import write_json, write_whole
from magic_demo.core.types import Encounter, Language
from magic_demo.files.encounters import read_encounters
from magic_demo.files.photos.reading import read_photo
from magic_demo.synthetic.encounters import SyntheticCase, encode_photo, make_case, make_entry
from magic_demo.synthetic.truth import Truth, draw_truth, measure_size

FOLDER = Path(__file__).resolve().parent / "examples"
SEED = 2025
LONGEST = 1024
QUALITY = 84

NOTICE = """These eight cases are SYNTHETIC.

The photos were drawn by the program in this repository (magic_demo/synthetic: skin.py, lesions.py), the texts were put together by it (narratives.py there).
They show no person, no patient wrote them, no clinician answered them. They share the repository's licence (Apache-2.0).

Made again, byte for byte with the same library versions, by:  python -m magic_demo cases OUT --examples
"""


@dataclass(frozen=True, eq=False)
class Example:
    """A bundled synthetic encounter with a short title by language."""

    encounter: Encounter
    title: Mapping[Language, str]


@dataclass(frozen=True)
class Recipe:
    """How one example is made: a condition, what is fixed of its truth, and the seed that looked well."""

    condition: str
    title: Mapping[Language, str]
    variant: int
    tone: int
    photos: int
    colour: str
    arrangement: str
    radius: float
    site: str
    count: int = 1
    silent: bool = False


RECIPES = (
    Recipe("mole", {"en": "A dark spot", "zh": "一个深色斑点"}, 6, 2, 1, "brown", "single", 4.0, "back"),
    Recipe(
        "scaly plaque",
        {"en": "Red plaque with scale", "zh": "带鳞屑的红色斑块"},
        4,
        3,
        2,
        "red",
        "single",
        24.0,
        "upper extremities",
    ),
    Recipe(
        "papules",
        {"en": "Widespread small bumps", "zh": "大片小丘疹"},
        5,
        2,
        3,
        "red",
        "widespread",
        1.8,
        "chest/abdomen",
        90,
    ),
    Recipe(
        "ulcer",
        {"en": "Open sore with crust", "zh": "破溃伴结痂"},
        4,
        4,
        1,
        "red",
        "single",
        14.0,
        "lower extremities",
    ),
    Recipe(
        "white patch",
        {"en": "Pale patches", "zh": "浅色斑片"},
        1,
        6,
        2,
        "white",
        "several",
        16.0,
        "upper extremities",
        3,
    ),
    Recipe("ring", {"en": "Ring-shaped rash", "zh": "环形皮疹"}, 3, 3, 1, "red", "single", 20.0, "neck"),
    Recipe(
        "bruise",
        {"en": "Purple mark, photos only", "zh": "紫色斑，仅有照片"},
        2,
        1,
        1,
        "purple",
        "single",
        24.0,
        "lower extremities",
        1,
        True,
    ),
    Recipe(
        "brown spots",
        {"en": "Several brown spots", "zh": "多个褐色斑点"},
        2,
        5,
        4,
        "brown",
        "several",
        3.5,
        "chest/abdomen",
        6,
    ),
)


@lru_cache(maxsize=1)
def load_examples() -> tuple[Example, ...]:
    """Return the bundled examples with their photos read, in the page's order."""
    titles = {f"ENC{number:05d}": recipe.title for number, recipe in enumerate(RECIPES, start=1)}
    examples = []
    for files in read_encounters(FOLDER / "encounters.json").encounters:
        photos = tuple(
            read_photo(file.path, photo_id=file.photo_id)
            for file in files.photo_files
            if file.path is not None
        )
        encounter = Encounter(files.encounter_id, files.narrative, photos, files.responses)
        examples.append(Example(encounter, titles[files.encounter_id]))
    return tuple(examples)


def make_example(number: int) -> SyntheticCase:
    """Make example ``number`` (1 to 8) with its truth."""
    recipe = RECIPES[number - 1]
    seed = SEED + 1000 * recipe.variant
    return make_case(
        seed,
        number,
        truth=_settle(recipe, draw_truth(np.random.default_rng([seed, number, 1]), recipe.condition)),
        longest=LONGEST,
    )


def write_examples(folder: Path) -> Path:
    """Write the examples as the program carries them: photos, ``encounters.json`` in the challenge's layout,
    and a notice."""
    cases = [make_example(number) for number in range(1, len(RECIPES) + 1)]
    for case in cases:
        for photo in case.photos:
            write_whole(folder / f"{photo.photo_id}.jpg", encode_photo(photo.pixels, quality=QUALITY))
    write_whole(folder / "SYNTHETIC.txt", NOTICE)
    write_json(folder / "encounters.json", [make_entry(case) for case in cases])
    return folder


def _settle(recipe: Recipe, truth: Truth) -> Truth:
    """Return the truth with what the recipe fixes; site, duration and itch are told unless the case is
    silent."""
    speaks = not recipe.silent
    return replace(
        truth,
        colour=recipe.colour,
        arrangement=recipe.arrangement,
        count=recipe.count,
        radius=recipe.radius,
        size=measure_size(recipe.arrangement, recipe.radius),
        site=recipe.site,
        tone=recipe.tone,
        photos=recipe.photos,
        stated_site=recipe.site if speaks else None,
        stated_duration=truth.duration if speaks else None,
        stated_itch=truth.itch if speaks else None,
        states_count=speaks and truth.states_count,
        states_colour=speaks and truth.states_colour,
        states_texture=False,
        silent=recipe.silent,
    )
