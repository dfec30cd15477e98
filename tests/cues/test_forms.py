"""The table of forms: how patients deny, date and count things, in English and Chinese, and the cue or the
answer that each must give.

``forms.json``: kind -> rows of a text and what is expected: a cue, "-" and a cue that must be absent, or
a family, "=" and the options answered, "|" between them, or ">" and one of the options answered.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from magic_demo.core.types import Narrative
from magic_demo.cues.cue_model import CueModel
from magic_demo.cues.cues import OPPOSITES, find_cues
from magic_demo.questions.decoding import decode_answers, read_slots
from magic_demo.questions.families import load_families

FORMS: dict[str, list[tuple[str, str]]] = json.loads(
    Path(__file__).with_name("forms.json").read_text(encoding="utf-8")
)
BOTH_WAYS = {**OPPOSITES, **{opposite: name for name, opposite in OPPOSITES.items()}}
FAMILIES = {family.family_id: family for family in load_families()}


@pytest.fixture(scope="module")
def cues(repository: Path) -> CueModel:
    return CueModel.load(repository / "checkpoints" / "cue-model")


@pytest.mark.parametrize("kind", FORMS)
def test_every_form_gives_its_cue_or_answer(cues: CueModel, kind: str) -> None:
    wrong = {text: found for text, expected in FORMS[kind] if (found := _misread(cues, text, expected))}
    assert not wrong


def test_the_table_is_long_and_in_both_languages() -> None:
    texts = [text for rows in FORMS.values() for text, _ in rows]
    chinese = [text for text in texts if not text.isascii() and "’" not in text]
    assert len(texts) >= 120 and len(chinese) >= 50


def _misread(cues: CueModel, text: str, expected: str) -> str | None:
    """Return what a form gives where that is not what is expected, else None."""
    family_id, sign, options = expected.replace(">", "=").partition("=")
    if sign:
        family = FAMILIES[family_id]
        answers = decode_answers(cues.score(Narrative(en=text)), [family], cues.set_priors)
        chosen = "|".join(
            family.options["en"][option].partition(" (")[0] for option in sorted(read_slots(answers, family))
        )
        right = options in chosen.split("|") if ">" in expected else options == chosen
        return None if right else f"{family_id}={chosen}"
    names = {cue.name for cue in find_cues(text)}
    absent = expected.startswith("-")
    right = (expected.removeprefix("-") not in names) if absent else (expected in names)
    if right and BOTH_WAYS.get(expected) not in names:
        return None
    return ", ".join(sorted(names)) or "nothing"
