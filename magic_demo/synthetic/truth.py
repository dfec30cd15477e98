"""The truth of a synthetic case: what its lesions are, how many, where, how long, and the answers that photos
and text allow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from magic_demo.core.types import Answers
from magic_demo.questions.families import load_families
from magic_demo.synthetic.frequencies import draw_finding


@dataclass(frozen=True)
class Condition:
    """A kind of skin problem: how it is drawn and what may be true of it.

    colours: options of CQID034; arrangements: single, several, grouped, widespread; sizes: options of CQID012
    for its affected area; descriptions: options of CQID020; texture: an option of CQID036; itch: how often it
    itches; millimetres: a lesion's radius.
    """

    kind: str
    name: tuple[str, str]
    colours: tuple[str, ...]
    arrangements: tuple[str, ...]
    descriptions: tuple[str, ...]
    texture: str
    itch: float
    durations: tuple[str, ...]
    millimetres: tuple[float, float]


HOURS, DAYS, WEEKS, MONTHS, YEAR, YEARS = (
    "within hours",
    "within days",
    "within weeks",
    "within months",
    "over a year",
    "multiple years",
)
RAISED, FLAT, LOSS, THICK, THIN = (
    "raised or bumpy",
    "flat",
    "skin loss or sunken",
    "thick or raised",
    "thin or close to the surface",
)
WARTY, CRUST, SCAB, WEEPING = "warty", "crust", "scab", "weeping"
COMBINATION = "combination (please specify)"
SITES = (
    "head",
    "neck",
    "upper extremities",
    "lower extremities",
    "chest/abdomen",
    "back",
    "other (please specify)",
)

CONDITIONS: dict[str, Condition] = {
    "mole": Condition("naevus", ("a melanocytic naevus", "色素痣"), ("brown", "black"), ("single",), (FLAT,), "smooth", 0.05, (MONTHS, YEAR, YEARS), (2.5, 7.0)),
    "brown spots": Condition("macule", ("lentigines", "雀斑样痣"), ("brown", "hyperpigmentation"), ("several", "grouped", "widespread"), (FLAT,), "smooth", 0.05, (MONTHS, YEAR, YEARS), (2.0, 6.0)),
    "scaly plaque": Condition("plaque", ("psoriasis", "银屑病"), ("red", "pink"), ("single", "several"), (THICK, CRUST), "rough", 0.7, (WEEKS, MONTHS, YEAR, YEARS), (9.0, 38.0)),
    "papules": Condition("papule", ("a papular rash", "丘疹性皮疹"), ("red", "pink"), ("grouped", "widespread"), (RAISED,), "rough", 0.75, (HOURS, DAYS, WEEKS, MONTHS), (0.9, 2.4)),
    "skin-coloured papules": Condition("papule", ("molluscum contagiosum", "传染性软疣"), ("normal skin color", "pink"), ("several", "grouped"), (RAISED,), "smooth", 0.3, (WEEKS, MONTHS, YEAR), (1.4, 3.0)),
    "nodule": Condition("nodule", ("a benign nodule, perhaps a cyst", "良性结节，囊肿可能"), ("normal skin color", "pink", "red", "blue", "purple"), ("single",), (RAISED,), "smooth", 0.1, (WEEKS, MONTHS, YEAR, YEARS), (4.0, 14.0)),
    "ulcer": Condition("ulcer", ("a skin ulcer", "皮肤溃疡"), (COMBINATION, "red"), ("single",), (LOSS, WEEPING, CRUST), "rough", 0.2, (DAYS, WEEKS, MONTHS), (6.0, 24.0)),
    "scabs": Condition("scab", ("prurigo", "痒疹"), (COMBINATION, "red"), ("several", "grouped"), (SCAB, RAISED), "rough", 0.9, (WEEKS, MONTHS, YEAR, YEARS), (2.0, 5.5)),
    "honey crusts": Condition("crust", ("impetigo", "脓疱疮"), ("red", COMBINATION), ("single", "several"), (CRUST, WEEPING), "rough", 0.5, (DAYS, WEEKS), (5.0, 16.0)),
    "white patch": Condition("patch", ("vitiligo", "白癜风"), ("white", "hypopigmentation"), ("single", "several"), (FLAT,), "smooth", 0.05, (MONTHS, YEAR, YEARS), (8.0, 35.0)),
    "dark patch": Condition("patch", ("postinflammatory hyperpigmentation", "炎症后色素沉着"), ("hyperpigmentation", "brown"), ("single", "several"), (FLAT,), "smooth", 0.15, (MONTHS, YEAR, YEARS), (8.0, 30.0)),
    "ring": Condition("ring", ("tinea corporis", "体癣"), ("red", "pink"), ("single", "several"), (RAISED, THIN), "rough", 0.8, (DAYS, WEEKS, MONTHS), (9.0, 32.0)),
    "vesicles": Condition("vesicle", ("herpes zoster", "带状疱疹"), ("red",), ("grouped",), (RAISED, WEEPING), "smooth", 0.3, (HOURS, DAYS), (1.4, 3.2)),
    "bruise": Condition("bruise", ("an ecchymosis", "瘀斑"), ("purple", "blue"), ("single", "several"), (FLAT,), "smooth", 0.03, (HOURS, DAYS, WEEKS), (9.0, 34.0)),
    "wart": Condition("wart", ("a common wart", "寻常疣"), ("normal skin color", "hyperpigmentation"), ("single", "several"), (WARTY, RAISED), "rough", 0.1, (WEEKS, MONTHS, YEAR, YEARS), (2.5, 6.0)),
    "wheals": Condition("wheal", ("urticaria", "荨麻疹"), ("pink", "red"), ("several", "widespread"), (RAISED,), "smooth", 0.95, (HOURS, DAYS, WEEKS), (6.0, 18.0)),
    "eczema": Condition("eczema", ("eczema", "湿疹"), ("red", "pink"), ("single", "several"), (THIN, RAISED), "rough", 0.95, (DAYS, WEEKS, MONTHS, YEARS), (12.0, 45.0)),
    "red patches": Condition("patch", ("erythema", "红斑"), ("red", "pink", "purple"), ("single", "several", "widespread"), (FLAT,), "smooth", 0.5, (DAYS, WEEKS, MONTHS), (7.0, 28.0)),
    "black spot": Condition("naevus", ("a pigmented tumour; melanoma must be ruled out", "色素性肿物，需排除黑色素瘤"), ("black", COMBINATION), ("single",), (RAISED,), "rough", 0.1, (MONTHS, YEAR), (3.0, 9.0)),
}  # fmt: skip
"""What can be drawn, by a short name; the lists are ours, made so that every option of the questions
occurs."""


@dataclass(frozen=True)
class Truth:
    """What is true of a case, and what of it is told.

    condition: a name of CONDITIONS. radius: of a lesion in millimetres. tone: Fitzpatrick type 1 to 6.
    size: an option of CQID012. site, duration, itch: options of CQID011, CQID015, CQID025; ``stated_*`` is None
    where neither the text nor the photos tell it. photos: how many there are.
    """

    condition: str
    kind: str
    colour: str
    arrangement: str
    count: int
    radius: float
    size: str
    descriptions: tuple[str, ...]
    texture: str
    site: str
    duration: str
    itch: str
    tone: int
    photos: int
    stated_site: str | None
    stated_duration: str | None
    stated_itch: str | None
    states_count: bool
    states_colour: bool
    states_texture: bool
    silent: bool


def name_texture(about: Condition) -> str:
    """Return how a volunteer would feel a condition: fluid, rough, raised or flat."""
    kinds = (("fluid", (WEEPING,)), ("rough", (THICK, THIN, CRUST, SCAB, WARTY)), ("raised", (RAISED,)))
    return next((name for name, words in kinds if set(words) & set(about.descriptions)), "flat")


def draw_condition(rng: np.random.Generator) -> tuple[str, str, str, str]:
    """Draw a condition with its site, duration and itch, all as often as volunteers report them together.

    The condition is one that feels as reported; one that rarely lasts so long, or itches, is rarer.
    """
    finding = draw_finding(rng)
    names = [name for name, about in CONDITIONS.items() if name_texture(about) == finding.texture]
    weights = np.array(
        [
            (about.itch if finding.itch == "yes" else 1 - about.itch)
            * (1.0 if finding.duration in about.durations else 0.02)
            for about in (CONDITIONS[name] for name in names)
        ]
    )
    name = names[int(rng.choice(len(names), p=weights / weights.sum()))]
    return name, finding.site, finding.duration, finding.itch


def draw_truth(rng: np.random.Generator, condition: str | None = None) -> Truth:
    """Draw what is true of a case: of a given condition whatever may be, or of any as often as it is
    reported."""
    name, site, duration, itch = (condition, "", "", "") if condition is not None else draw_condition(rng)
    about = CONDITIONS[name]
    arrangement = str(rng.choice(about.arrangements))
    low, high = about.millimetres
    radius = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    if arrangement == "widespread":
        radius = min(radius, 14.0)
    count = {
        "single": 1,
        "several": int(rng.integers(2, 7)),
        "grouped": int(rng.integers(8, 26)),
        "widespread": int(rng.integers(30, 110) / (1 + radius / 6)) + 8,
    }[arrangement]
    silent = rng.random() < 0.06
    stated = {
        key: not silent and rng.random() < share
        for key, share in (("site", 0.6), ("duration", 0.62), ("itch", 0.5))
    }
    mentioned = {
        key: not silent and rng.random() < share
        for key, share in (("count", 0.3), ("colour", 0.2), ("texture", 0.15))
    }
    if condition is not None:
        site, duration = str(rng.choice(SITES)), str(rng.choice(about.durations))
        itch = "yes" if rng.random() < about.itch else "no"
    return Truth(
        condition=name,
        kind=about.kind,
        colour=str(rng.choice(about.colours)),
        arrangement=arrangement,
        count=count,
        radius=radius,
        size=measure_size(arrangement, radius),
        descriptions=about.descriptions,
        texture=about.texture,
        site=site,
        duration=duration,
        itch=itch,
        tone=int(rng.choice(6, p=[0.14, 0.22, 0.24, 0.18, 0.12, 0.1])) + 1,
        photos=int(rng.choice([1, 2, 3, 4], p=[0.4, 0.32, 0.18, 0.1])),
        stated_site=site if stated["site"] else None,
        stated_duration=duration if stated["duration"] else None,
        stated_itch=itch if stated["itch"] else None,
        states_count=mentioned["count"],
        states_colour=mentioned["colour"],
        states_texture=mentioned["texture"],
        silent=silent,
    )


def measure_size(arrangement: str, radius: float) -> str:
    """Return the option of CQID012 for the affected area: a lesion's own where they lie apart, the group's
    where they crowd.

    radius: millimetres. A thumb nail is taken as up to 20 mm across, a palm as up to 80 mm.
    """
    if arrangement == "widespread":
        return "larger area"
    across = 2 * radius if arrangement != "grouped" else max(45.0, 10 * radius)
    return "size of thumb nail" if across <= 20 else "size of palm" if across <= 80 else "larger area"


def answer_questions(truth: Truth) -> Answers:
    """Return the answer to every question: what the photos show and the text tells, siblings filled with "Not
    mentioned"."""
    extent = {
        "single": "single spot",
        "several": "limited area",
        "grouped": "limited area",
        "widespread": "widespread",
    }[truth.arrangement]
    if truth.arrangement == "single" and truth.size != "size of thumb nail":
        extent = "limited area"
    labels: dict[str, tuple[str | None, ...]] = {
        "CQID010": (extent,),
        "CQID011": (truth.stated_site,),
        "CQID012": (truth.size,),
        "CQID015": (truth.stated_duration,),
        "CQID020": truth.descriptions,
        "CQID025": (truth.stated_itch,),
        "CQID034": (truth.colour,),
        "CQID035": ("single" if truth.count == 1 else "multiple (please specify)",),
        "CQID036": (truth.texture,),
    }
    answers: dict[str, int] = {}
    for family in load_families():
        options = [option.strip() for option in family.options["en"]]
        chosen = [options.index(label) for label in labels[family.family_id] if label is not None]
        for slot, question in enumerate(family.questions):
            answers[question.qid] = chosen[slot] if slot < len(chosen) else family.padding
    return answers
