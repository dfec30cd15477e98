"""What language models are asked, in English and Chinese: templates in a file, which a model's folder may bring
its own of (docs/systems.md). Nothing here needs a model: whatever sees text and photos can be asked so."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import lru_cache
from importlib import resources
from pathlib import Path
from string import Formatter

from magic_demo.core.disk.user_files import LARGEST_CONFIG, read_user_text
from magic_demo.core.errors import CheckpointError, one_line
from magic_demo.core.types import LANGUAGES, Family, Language, Pixels

PROMPTS = "prompts.json"
_CHINESE = re.compile(r"[\u3400-\u9fff]")


@dataclass(frozen=True)
class Templates:
    """The texts of one language, each with ``{fields}``.

    case: the patient's words ({narrative}); no_words: the same without any. question: one question with its options
    ({question}, {options}), which separator divides. reply: what an answer is put behind where a model has no chat
    format. caption: what is asked of a photo. described: how a caption ({caption}, {number} from 1) joins the patient's
    words. found: the answers of a first pass ({answers}, one line a family of {question} and {answer}). neighbours:
    shares of the answers of similar cases ({answers}, each a share of {option} and {percent}). why: asks for the reason of an {answer} to a {question}; changed: how a
    {reason} stands beside the {first} answer.
    """

    case: str
    no_words: str
    question: str
    reply: str
    separator: str
    caption: str
    described: str
    found: str
    neighbours: str
    line: str
    share: str
    why: str
    changed: str

    def write_case(self, narrative: str) -> str:
        """Return how a case begins: the patient's words, or that there are none."""
        return self.case.format(narrative=narrative.strip()) if narrative.strip() else self.no_words

    def write_question(self, family: Family, language: Language) -> str:
        """Return a family's question with its options."""
        options = self.separator.join(list_options(family, language))
        return self.question.format(question=family.questions[0].text[language].strip(), options=options)

    def write_captions(self, narrative: str, captions: Mapping[str, str]) -> str:
        """Return the patient's words with the photos' captions below. captions: photo id -> caption, in the
        photos' order; a photo without one still counts."""
        lines = [
            self.described.format(number=number, caption=caption)
            for number, caption in enumerate(captions.values(), start=1)
            if caption
        ]
        return "\n\n".join(part for part in (narrative.strip(), "\n".join(lines)) if part)


@dataclass(frozen=True, eq=False)
class AskedCase:
    """A case as a language model is asked about it.

    narrative: the patient's words, in ``language`` that the questions are asked in too. photos: (h, w, 3) uint8.
    found: what stands behind the words. hints: family id -> what stands before its question.
    """

    narrative: str
    photos: Sequence[Pixels]
    language: Language
    found: str = ""
    hints: Mapping[str, str] = field(default_factory=dict)


_FIELDS = {
    "case": {"narrative"},
    "question": {"question", "options"},
    "described": {"number", "caption"},
    "found": {"answers"},
    "neighbours": {"answers"},
    "line": {"question", "answer"},
    "share": {"option", "percent"},
    "why": {"question", "answer"},
    "changed": {"first", "reason"},
}


@lru_cache(maxsize=1)
def load_prompts() -> Mapping[Language, Templates]:
    """Return the templates that come along, language -> templates."""
    text = resources.files("magic_demo.models.answers.language").joinpath(PROMPTS).read_text("utf-8")
    return {language: Templates(**json.loads(text)[language]) for language in LANGUAGES}


def read_prompts(folder: Path) -> Mapping[Language, Templates]:
    """Read the ``prompts.json`` of a model's folder: templates that it leaves out are those that come along.

    Raises CheckpointError with one line where a template is unknown, or has a field that is not filled in.
    """
    path = folder / PROMPTS
    if not path.is_file():
        return load_prompts()
    own: dict[Language, Templates] = dict(load_prompts())
    try:
        content = json.loads(read_user_text(path, LARGEST_CONFIG))
        known = {template.name for template in fields(Templates)}
        for language, given in content.items():
            if language not in own:
                raise ValueError(f"{language!r} is not one of {', '.join(LANGUAGES)}")
            for name, text in given.items():
                _check_template(name, text, known)
            own[language] = Templates(**{**vars(own[language]), **given})
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise CheckpointError(
            "{path}: templates as in the program's own prompts.json are expected ({reason}); mend or remove it",
            path=path,
            reason=one_line(error, 160),
        ) from error
    return own


def list_options(family: Family, language: Language) -> tuple[str, ...]:
    """Return a family's options as a model is shown and scored them: without blanks around."""
    return tuple(option.strip() for option in family.options[language])


def speak(narrative: str) -> Language:
    """Return the language that a case is asked in: its own, English without words."""
    return "zh" if 3 * len(_CHINESE.findall(narrative)) > len("".join(narrative.split())) else "en"


def _check_template(name: object, text: object, known: set[str]) -> None:
    if name not in known or not isinstance(text, str):
        raise ValueError(f"{name!r} is not one of {', '.join(sorted(known))}, or no text")
    allowed = _FIELDS.get(str(name), set())
    for _, filled, _, _ in Formatter().parse(text):
        if filled is not None and filled not in allowed:
            raise ValueError(f"'{name}' has the field {{{filled}}}; {sorted(allowed)} can be filled in")
