"""Every case of a split asked of a chat model: several at once, each call kept, the answers a bundle."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np

from magic_demo.challenge.run_folder import ANSWERS, BUNDLE
from magic_demo.challenge.systems.chat.endpoint import ChatClient
from magic_demo.challenge.systems.chat.kept_calls import Costs, KeptCalls, Price
from magic_demo.challenge.systems.chat.sheets import (
    MOST_TOKENS,
    ask_again,
    read_sheet,
    write_body,
    write_caption_call,
    write_schema,
    write_sheet,
)
from magic_demo.challenge.systems.reading import read_statistics
from magic_demo.core.disk.whole_files import write_json
from magic_demo.core.errors import FormatError, PhotoError
from magic_demo.core.types import EncounterFiles, Language, Narrative, Prediction
from magic_demo.files.answers import write_answers
from magic_demo.files.bundles import write_prediction
from magic_demo.files.findings import Findings
from magic_demo.files.photos.reading import read_photo
from magic_demo.models.answers.language.prompts import load_prompts, speak
from magic_demo.questions.families import QuestionSet

CALLS, COSTS = "calls", "costs.json"
SIDE, QUALITY = 1024, 90
"""Pixels of the longer side, and JPEG quality, of a photo that is sent."""
ASKED_AGAIN = 2
"""How often a model is told that its reply was no answer sheet."""
CHARACTERS = 4
"""That a token is about, in English; a Chinese character is about one."""


@dataclass(frozen=True)
class ChatRun:
    """What is asked. photos: sent with the questions. captions: each photo is described first, and its caption
    joins the words. language: of the questions, the narrative's own where None. parallel: calls at once."""

    asked: QuestionSet
    photos: bool = False
    captions: bool = False
    language: Language | None = None
    parallel: int = 4
    price: Price = field(default_factory=Price)


@dataclass(frozen=True)
class Plan:
    """What a run would take. tokens_in: of the words, about, photos left out. kept: calls that are answered already, as
    far as can be told without asking."""

    calls: int
    kept: int
    photos: int
    tokens_in: int
    tokens_out: int


def plan_run(cases: Sequence[EncounterFiles], client: ChatClient, run: ChatRun, out: Path) -> Plan:
    """Count what ``ask_cases`` would ask, and ask nothing."""
    calls = KeptCalls(out / CALLS)
    bodies, photos, unknown, tokens = [], 0, 0, 0
    for case in cases:
        language, narrative = _speak(case.narrative, run)
        templates = load_prompts()[language]
        sent = _read_photos(case, Findings()) if run.photos or run.captions else {}
        if run.captions:
            bodies += [write_caption_call(templates, photo) for photo in sent.values()]
            photos += len(sent)
            tokens += len(sent) * count_tokens(templates.caption)
        messages = write_sheet(
            run.asked, narrative, templates, language, tuple(sent.values()) if run.photos else ()
        )
        photos += len(sent) if run.photos else 0
        tokens += count_tokens(str(write_sheet(run.asked, narrative, templates, language)))
        if run.captions and sent:  # what is asked depends on captions that are not written yet
            unknown += 1
        else:
            bodies.append(write_body(messages))
    kept = sum(calls.find(client.endpoint, body) is not None for body in bodies)
    sheets = len(cases)
    captions = len(bodies) + unknown - sheets
    return Plan(
        len(bodies) + unknown, kept, photos, tokens, sheets * MOST_TOKENS + captions * (MOST_TOKENS // 5)
    )


def ask_cases(
    cases: Sequence[EncounterFiles],
    client: ChatClient,
    run: ChatRun,
    out: Path,
    say: Callable[[int], None] = lambda _done: None,
) -> tuple[Costs, tuple[str, ...]]:
    """Ask all cases and write ``bundle``, ``data_cvqa_sys.json`` and ``costs.json`` to ``out``, where ``calls``
    keeps each reply; return what it took, and one line for each problem.

    say: told how many cases are done. A case whose reply is no answer sheet, told so twice, gets the most frequent
    answers where none can be read. Raises ReachError where the endpoint fails, FormatError where ``out`` holds
    something else; what was answered is kept.
    """
    if out.exists() and (not out.is_dir() or (any(out.iterdir()) and not (out / CALLS).is_dir())):
        raise FormatError("{out}: is not empty and holds no earlier run; choose another --out", out=out)
    (out / CALLS).mkdir(parents=True, exist_ok=True)
    calls, findings = KeptCalls(out / CALLS), Findings()
    statistics = read_statistics(run.asked)
    fallback = run.asked.answer({}, statistics).complete
    sheets: dict[str, dict[str, int]] = {}
    pool = ThreadPoolExecutor(run.parallel, "chat")
    try:
        answered = pool.map(lambda case: _ask_case(case, client, calls, run), cases)
        for done, (prediction, found) in enumerate(answered, start=1):
            findings.extend(found)
            write_prediction(out / BUNDLE, prediction)
            sheets[prediction.encounter_id] = {**fallback, **prediction.answers}
            say(done)
    finally:
        pool.shutdown(cancel_futures=True)
    write_answers(out / ANSWERS, sheets, run.asked)
    costs = calls.costs
    price = run.price.of(costs.tokens_in, costs.tokens_out)
    write_json(
        out / COSTS,
        {"model": client.endpoint.model, "cases": len(cases), **asdict(costs), "cost": price},
        indent=1,
    )
    return costs, tuple(findings.lines())


def count_tokens(text: str) -> int:
    """Return about how many tokens a text is."""
    wide = sum(character > "\u2e7f" for character in text)
    return wide + (len(text) - wide) // CHARACTERS


def _ask_case(
    case: EncounterFiles, client: ChatClient, calls: KeptCalls, run: ChatRun
) -> tuple[Prediction, Findings]:
    findings = Findings()
    language, narrative = _speak(case.narrative, run)
    templates = load_prompts()[language]
    sent = _read_photos(case, findings) if run.photos or run.captions else {}
    captions = {
        name: calls.ask(client, write_caption_call(templates, photo)).text.strip()
        for name, photo in (sent.items() if run.captions else ())
    }
    words = templates.write_captions(narrative, captions)
    messages = write_sheet(run.asked, words, templates, language, tuple(sent.values()) if run.photos else ())
    answers: dict[str, int] = {}
    problem = ""
    for _ in range(1 + ASKED_AGAIN):
        text = calls.ask(client, write_body(messages), write_schema(run.asked, language)).text
        read, problem = read_sheet(text, run.asked, language)
        answers |= read
        if not problem:
            break
        messages = ask_again(messages, text, problem, language)
    if problem:
        findings.add(f"the reply is no answer sheet ({problem})", case.encounter_id)
    name = client.endpoint.model
    prediction = Prediction(case.encounter_id, answers=answers, models={"cvqa": name} if answers else {})
    return replace(prediction, captions=captions), findings


def _speak(narrative: Narrative, run: ChatRun) -> tuple[Language, str]:
    words = narrative.text(run.language or "en")
    return run.language or speak(words), words


def _read_photos(case: EncounterFiles, findings: Findings) -> dict[str, str]:
    """Return photo id -> the photo as a JPEG's data address, rebuilt from its pixels and made smaller."""
    sent = {}
    for file in case.photo_files:
        try:
            if file.path is None:
                raise PhotoError("its file is missing")
            pixels = read_photo(file.path, photo_id=file.photo_id).pixels
        except PhotoError as error:
            findings.add(f"a photo is left out ({error})", file.photo_id)
            continue
        share = min(1.0, SIDE / max(pixels.shape[:2]))
        size = max(1, round(pixels.shape[1] * share)), max(1, round(pixels.shape[0] * share))
        small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
        _, data = cv2.imencode(
            ".jpg", np.ascontiguousarray(small[:, :, ::-1]), [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
        )
        sent[file.photo_id] = "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode("ascii")
    return sent
