"""What comes out of the page's controls becomes the program's own types; nothing past this module sees a raw
input."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, count

from magic_demo.core.errors import FormError
from magic_demo.core.limits import LIMITS
from magic_demo.core.messages import Message
from magic_demo.core.types import LANGUAGES, Answers, Encounter, Family, Language, Narrative, Photo
from magic_demo.page.panels.cards.cards import MAX_SPECIFIED, options_to_specify
from magic_demo.page.panels.case.photo_intake import BUSY, NO_CONSENT, TOO_LARGE, TOO_MANY
from magic_demo.page.server.requests.faults import FAULT_LINE
from magic_demo.page.session.arrivals import Arrival
from magic_demo.page.session.open_cases import OpenCase
from magic_demo.questions.decoding import fill_slots

MAX_PHOTOS = LIMITS.case_photos
MAX_CHARACTERS = LIMITS.text_characters
MAX_PROBLEM = 300
MAX_PROMPT = LIMITS.prompt_characters
_CHINESE = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
_UNSEEN = re.compile(r"[\x00-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


REASONS = {
    str(reason): reason
    for reason in (
        *(NO_CONSENT, TOO_MANY, TOO_LARGE, BUSY, FAULT_LINE),
        Message("it could not be sent; try again"),  # the browser's own, where no answer came
        Message("sign in first"),  # the gate's
    )
}
"""What is known to be said of a file that could not be sent, by its English line."""


@dataclass(frozen=True, eq=False)
class Upload:
    """Photos that were read, and one line for each file that could not be."""

    photos: tuple[Photo, ...]
    problems: tuple[Message, ...]


def read_language(value: object) -> Language:
    """Return the language a control says, English where it says nothing that is known."""
    return next((language for language in LANGUAGES if language == value), "en")


def read_keys(payload: Mapping[str, object]) -> list[object]:
    """Return the keys of the photos that the browser has sent, no more than a case could hold twice."""
    keys = payload.get("photos")
    return keys[: 2 * MAX_PHOTOS] if isinstance(keys, list) else []


def read_problems(payload: Mapping[str, object]) -> list[Message]:
    """Return one line for each file that the browser could not send: its name, and what it, or the server,
    said of it (REASONS; anything else stays as it is)."""
    names, reasons = payload.get("lost"), payload.get("reasons")
    if not isinstance(names, list) or not isinstance(reasons, list):
        return []
    return [
        Message("{name}: {problem}", name=_clean(name), problem=REASONS.get(str(reason), _clean(reason)))
        for name, reason in zip(names[: 2 * MAX_PHOTOS], reasons, strict=False)
    ]


def name_uploads(arrived: Sequence[Arrival], taken: Collection[str]) -> Upload:
    """Give the photos that came their ids; a file that is no photo, or one too many, costs one line and the
    others go on.

    taken: ids of the photos the case has already. Ids come from the files' names, which are shown and never
    used as paths.
    """
    ids = set(taken)
    room = max(0, MAX_PHOTOS - len(ids))
    problems: list[Message] = []
    if len(arrived) > room:
        problems.append(
            Message(
                "{count} photos are too many for one case; the first {limit} are taken",
                count=len(ids) + len(arrived),
                limit=MAX_PHOTOS,
            )
        )
    photos = []
    for arrival in arrived[:room]:
        if arrival.photo is None:
            problems.extend([arrival.problem] if arrival.problem is not None else [])
            continue
        photos.append(replace(arrival.photo, photo_id=_photo_id(arrival.name, ids)))
        ids.add(photos[-1].photo_id)
    return Upload(tuple(photos), tuple(problems))


def read_narrative(value: object, case: OpenCase | None) -> Narrative:
    """Return what was typed as a narrative in its own language; an example's text that was not changed keeps
    both its languages.

    Raises FormError when it is too long.
    """
    words = str(value or "").strip()
    if len(words) > MAX_CHARACTERS:
        raise FormError(
            "The patient's words are {count} characters long; the limit is {limit}",
            count=len(words),
            limit=MAX_CHARACTERS,
        )
    if (
        case is not None
        and words
        and words in (case.encounter.narrative.en.strip(), case.encounter.narrative.zh.strip())
    ):
        return case.encounter.narrative
    return Narrative(zh=words) if _CHINESE.search(words) else Narrative(en=words)


def read_prompt(value: object) -> str | None:
    """Return what the segmentation should look for, None where the patient's words should say it.

    The control takes no more than MAX_PROMPT characters; what comes past it is cut.
    """
    return str(value or "").strip()[:MAX_PROMPT].rstrip() or None


def read_encounter(narrative: object, case: OpenCase | None) -> Encounter:
    """Put the open photos and the typed words together. Raises FormError when there is neither."""
    words = read_narrative(narrative, case)
    photos = case.encounter.photos if case is not None else ()
    if not photos and not words.en and not words.zh:
        raise FormError("Add a photo or type the patient's words first")
    encounter_id = case.encounter.encounter_id if case is not None else "CASE"
    return Encounter(encounter_id, words, photos)


@dataclass(frozen=True)
class CardAnswers:
    """What a reader answered on the cards: ``answers`` and ``specified`` as in ``types.Review``."""

    answers: Answers
    specified: Mapping[str, str]


@dataclass(frozen=True)
class WhyQuestion:
    """An option that a reader asks about. request: the browser's number of the question, which the answer
    repeats."""

    request: int
    family: Family
    option: int
    language: Language


def read_answers(payload: Mapping[str, object], families: Sequence[Family]) -> CardAnswers:
    """Return what the cards' ``answers`` event says, every slot of an answered family filled: labels first,
    "Not mentioned" in the rest.

    Families that were not answered are left out; free text is kept where its option is chosen.
    Raises FormError for a family or an option that there is not, an option twice, more labels than slots, or
    labels beside "Not mentioned".
    """
    by_id = {family.family_id: family for family in families}
    answers: dict[str, int] = {}
    specified: dict[str, str] = {}
    words = _read_mapping(payload.get("specified"), "specified")
    for family_id, chosen in _read_mapping(payload.get("answers"), "answers").items():
        if family_id not in by_id:
            raise FormError(
                "{family}: there is no such family of questions; reload the page", family=repr(family_id)
            )
        family = by_id[family_id]
        labels = _read_labels(family, chosen)
        if labels is None:
            continue
        filled = fill_slots(family, labels)
        answers.update(filled)
        own_words = _UNSEEN.sub("", str(words.get(family_id) or "")).strip()[:MAX_SPECIFIED]
        if own_words:
            specified.update(
                {qid: own_words for qid, option in filled.items() if option in options_to_specify(family)}
            )
    return CardAnswers(answers, specified)


def read_why(payload: Mapping[str, object], families: Sequence[Family]) -> WhyQuestion:
    """Return what the pane's ``why`` event asks.

    Raises FormError for a family or an option that there is not.
    """
    family = next((family for family in families if family.family_id == payload.get("family")), None)
    if family is None:
        raise FormError(
            "{family}: there is no such family of questions; reload the page",
            family=repr(payload.get("family")),
        )
    request = payload.get("request")
    option = _read_option(family, payload.get("option"))
    return WhyQuestion(
        request if isinstance(request, int) else 0, family, option, read_language(payload.get("language"))
    )


def _clean(text: object) -> str:
    return _UNSEEN.sub("", str(text))[:MAX_PROBLEM]


def _read_mapping(value: object, name: str) -> Mapping[str, object]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise FormError(
            "{name}: {came} came, an object by family is expected; reload the page",
            name=name,
            came=type(value).__name__,
        )
    return value


def _read_labels(family: Family, chosen: object) -> frozenset[int] | None:
    """Return the labels chosen, "Not mentioned" left out, so that empty is "Not mentioned" alone; None where
    nothing was answered."""
    if not isinstance(chosen, list):
        raise FormError(
            "{family}: {came} came, a list of options is expected; reload the page",
            family=family.family_id,
            came=type(chosen).__name__,
        )
    if not chosen:
        return None
    options = [_read_option(family, option) for option in chosen]
    slots = len(family.questions)
    if len(set(options)) < len(options):
        raise FormError(
            "{family}: options {options} name one twice; reload the page",
            family=family.family_id,
            options=str(options),
        )
    if len(options) > slots:
        raise FormError(
            "{family}: {count} options came for {slots} slots; take some away",
            family=family.family_id,
            count=len(options),
            slots=slots,
        )
    if family.not_mentioned in options and len(options) > 1:
        raise FormError(
            "{family}: 'Not mentioned' stands alone, but came with {count} more; choose one or the other",
            family=family.family_id,
            count=len(options) - 1,
        )
    return frozenset(options) - {family.not_mentioned}


def _read_option(family: Family, option: object) -> int:
    count = len(family.options["en"])
    if not isinstance(option, int) or isinstance(option, bool) or not 0 <= option < count:
        raise FormError(
            "{family}: option {option} came, 0 to {last} are expected; reload the page",
            family=family.family_id,
            option=repr(option),
            last=count - 1,
        )
    return option


def _photo_id(stem: str, taken: Collection[str]) -> str:
    """Return a short name to show, what the file was called without what is not seen, that is not
    ``taken``."""
    name = _UNSEEN.sub("", stem).strip()[:60] or "photo"
    names = chain([name], (f"{name} ({number})" for number in count(2)))
    return next(name for name in names if name not in taken)


def read_system(payload: Mapping[str, object]) -> str | None:
    """Return whose predictions an event wants shown, None where it does not say."""
    system = payload.get("system")
    return system if isinstance(system, str) else None
