"""The text's own answer to the closed questions: cues and terms into linear heads, in milliseconds, with the
words it came from.

A head is linear: a score is a base plus one contribution for each cue and term, so what is shown as the
reason is the reason. Scores are log-probabilities for families of one slot and log-odds for families of
several, after the checkpoint's temperatures: the scale of every other scorer of the closed questions, so that
they may be added with a weight for each family.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save

from magic_demo.core.disk.user_files import LARGEST_CONFIG, read_user_file, read_user_text
from magic_demo.core.disk.whole_files import write_json, write_whole
from magic_demo.core.errors import CheckpointError, one_line
from magic_demo.core.types import LANGUAGES, Language, Narrative, OptionScores
from magic_demo.cues.cues import find_cues
from magic_demo.cues.stated import find_stated, stated_options
from magic_demo.cues.terms import Spans, find_terms, weigh_terms
from magic_demo.files.checkpoint_files import check_files
from magic_demo.questions.decoding import PRIORS_NAME, SetPriors, read_priors, write_priors

MODEL_TYPE = "cue-heads"
CONFIG_NAME = "config.json"
VOCABULARY_NAME = "vocabulary.json"
WEIGHTS_NAME = "model.safetensors"

Reading = Literal["en", "zh", "both"]
"""Which languages a narrative was read in."""
Kind = Literal["cue", "term", "stated"]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class HeadFamily:
    """A family as the heads know it: its questions, how many options they share, and the temperature for each
    reading.

    stated: how likely an option is that the words state outright, 0..1; 0 where statements count as cues
    alone.
    """

    family_id: str
    slots: int
    options: int
    temperatures: Mapping[Reading, float]
    stated: float = 0.0

    @property
    def qids(self) -> tuple[str, ...]:
        """Return the family's question ids."""
        return tuple(f"{self.family_id}-{slot:03d}" for slot in range(1, self.slots + 1))


@dataclass(frozen=True, eq=False)
class LanguageHeads:
    """The heads of one language over its own cues and terms.

    S counts the options of all families, siblings once.

    cues, terms: name -> row. rarity: (T,) inverse document frequencies. cue_weights (C, S), term_weights (T,
    S), bias (S,): float32.
    """

    cues: Mapping[str, int]
    terms: Mapping[str, int]
    rarity: Floats
    cue_weights: Floats
    term_weights: Floats
    bias: Floats


@dataclass(frozen=True)
class ReadText:
    """A text of a narrative: the field it stands in, and the language it is in, which may be the other
    one."""

    field: Language
    language: Language
    text: str


@dataclass(frozen=True)
class Reason:
    """What one cue or term adds to an option's score, and the words it was read from.

    kind: "cue" or "term"; "stated" for what is added because the words state an answer outright. spans: (start, end) in the characters of the narrative's text in the field
    ``field``.
    """

    kind: Kind
    name: str
    field: Language
    spans: tuple[tuple[int, int], ...]
    contribution: float


@dataclass(frozen=True)
class ScoreReasons:
    """Why an option has its score: ``base`` (what it gets whatever the words) plus the reasons'
    contributions, the largest first."""

    score: float
    base: float
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, eq=False)
class CueModel:
    """The heads of all languages, with what is needed to decode their scores.

    prior: (S,) scores for a case without words. set_priors: the decoding's, counted on the train answers.
    """

    families: tuple[HeadFamily, ...]
    heads: Mapping[Language, LanguageHeads]
    prior: Floats
    set_priors: SetPriors
    model_id: str = MODEL_TYPE

    @classmethod
    def load(cls, folder: str | Path) -> CueModel:
        """Load a checkpoint folder.

        Raises CheckpointError with one line when it is missing, broken, or of another kind.
        """
        place = Path(folder)
        if not (place / CONFIG_NAME).is_file():
            raise CheckpointError(
                "{place}: no config.json in this folder; a folder written by 'python -m training "
                "cue-model' is expected",
                place=place,
            )
        check_files(place)
        try:
            config = json.loads(read_user_text(place / CONFIG_NAME, LARGEST_CONFIG))
            if not isinstance(config, dict) or config.get("model_type") != MODEL_TYPE:
                raise ValueError(f"model_type {MODEL_TYPE!r} is expected")
            vocabulary = json.loads(read_user_text(place / VOCABULARY_NAME, LARGEST_CONFIG))
            tensors = load(read_user_file(place / WEIGHTS_NAME, LARGEST_CONFIG))
            families = tuple(_read_family(entry) for entry in config["families"])
            heads = {language: _read_heads(language, vocabulary[language], tensors) for language in LANGUAGES}
            prior = tensors["prior"].astype(np.float32)
            size = sum(family.options for family in families)
            if any(head.bias.shape != (size,) for head in heads.values()) or prior.shape != (size,):
                raise ValueError(f"heads of {size} options are expected")
        except CheckpointError:
            raise
        except Exception as error:
            # JSON, safetensors and numpy raise OSError, ValueError, KeyError, TypeError and their own
            raise CheckpointError(
                "{place}: the cue heads cannot be read ({reason}); train it again",
                place=place,
                reason=one_line(error),
            ) from error
        return cls(families, heads, prior, read_priors(place / PRIORS_NAME), _name(place))

    def save(self, folder: Path) -> None:
        """Write the checkpoint: settings and vocabulary as JSON, weights as safetensors (those of terms in
        half precision)."""
        folder.mkdir(parents=True, exist_ok=True)
        tensors: dict[str, NDArray[Any]] = {"prior": self.prior}
        vocabulary = {}
        for language, head in self.heads.items():
            vocabulary[language] = {"cues": list(head.cues), "terms": list(head.terms)}
            tensors |= {
                f"{language}.rarity": head.rarity,
                f"{language}.cues": head.cue_weights,
                f"{language}.terms": head.term_weights.astype(np.float16),
                f"{language}.bias": head.bias,
            }
        families = [
            {
                "family_id": f.family_id,
                "slots": f.slots,
                "options": f.options,
                "temperatures": dict(f.temperatures),
                "stated": f.stated,
            }
            for f in self.families
        ]
        write_json(folder / CONFIG_NAME, {"model_type": MODEL_TYPE, "families": families}, indent=1)
        write_json(folder / VOCABULARY_NAME, vocabulary, indent=None)
        write_whole(
            folder / WEIGHTS_NAME,
            save({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}),
        )
        write_priors(folder / PRIORS_NAME, self.set_priors)

    def score(self, narrative: Narrative) -> OptionScores:
        """Score every option of every question from the words, in the languages there are; without words, by
        what is frequent.

        Returns qid -> (O,) float32: log-probabilities for families of one slot, log-odds for those of
        several; siblings alike.
        """
        scores: dict[str, Floats] = {}
        stated = stated_options(narrative)
        for family, values in self._score_heads(narrative):
            raised = raise_stated(values, family, stated.get(family.family_id, frozenset()))
            scores.update(dict.fromkeys(family.qids, raised.astype(np.float32)))
        return scores

    def _score_heads(self, narrative: Narrative) -> Iterator[tuple[HeadFamily, NDArray[np.float64]]]:
        """Yield every family with the (O,) scores that its cues and terms give."""
        texts = route_texts(narrative)
        rows = [_logits(self.heads[text.language], text) for text in texts]
        logits = np.mean(rows, axis=0) if rows else self.prior
        start = 0
        for family in self.families:
            values = logits[start : start + family.options].astype(np.float64)
            if rows:
                values = values / family.temperatures[read_as(texts)]
            yield family, values - _log_sum(values) if family.slots == 1 else values
            start += family.options

    def explain(self, narrative: Narrative, qid: str, option: int) -> ScoreReasons:
        """Say which words move an option's score, and by how much; base and contributions add up to the
        score.

        In a family of one slot a word counts by how much more it speaks for this option than for the average
        one. What the words state outright adds what it raises the score by. Raises KeyError for an unknown question, IndexError for an option that it does not have.
        """
        family, start = self._place(qid)
        if not 0 <= option < family.options:
            raise IndexError(f"{qid} has options 0 to {family.options - 1}, not {option}")
        score = float(self.score(narrative)[qid][option])
        texts = route_texts(narrative)
        reasons: list[Reason] = []
        for text in texts:
            head = self.heads[text.language]
            scale = 1.0 / (len(texts) * family.temperatures[read_as(texts)])
            for kind, found, places, row, weights in _list_sources(head, text):
                for name in found.keys() & places.keys():
                    weight = weights[places[name], start : start + family.options]
                    against = float(weight.mean()) if family.slots == 1 else 0.0
                    moved = (float(weight[option]) - against) * float(row[places[name]]) * scale
                    if moved:
                        reasons.append(Reason(kind, name, text.field, tuple(found[name]), moved))
        reasons.extend(self._explain_stated(narrative, family, option, score))
        reasons.sort(key=lambda reason: (-abs(reason.contribution), reason.kind, reason.name))
        return ScoreReasons(score, score - sum(reason.contribution for reason in reasons), tuple(reasons))

    def _explain_stated(
        self, narrative: Narrative, family: HeadFamily, option: int, score: float
    ) -> Iterator[Reason]:
        """Yield, for each text, what its statements add to the score."""
        heads = next(values for known, values in self._score_heads(narrative) if known is family)
        added = score - float(np.float32(heads[option]))
        if family.family_id not in stated_options(narrative) or not added:
            return
        spans: dict[Language, Spans] = {}
        for stated in find_stated(narrative):
            if stated.family_id == family.family_id:
                spans.setdefault(stated.field, []).append((stated.start, stated.end))
        for field, found in spans.items():
            yield Reason("stated", family.family_id, field, tuple(found), added / len(spans))

    def _place(self, qid: str) -> tuple[HeadFamily, int]:
        start = 0
        for family in self.families:
            if qid in family.qids:
                return family, start
            start += family.options
        raise KeyError(
            f"no question {qid!r}; the model knows {self.families[0].qids[0]} to {self.families[-1].qids[-1]}"
        )


def raise_stated(
    values: NDArray[np.float64], family: HeadFamily, options: frozenset[int]
) -> NDArray[np.float64]:
    """Return a family's (O,) scores with what the words state at least as likely as ``family.stated``: the
    options together in a family of one slot, each of them in a family of several.

    Scores that are higher stay; so do all where nothing is stated.
    """
    if not options or not 0 < family.stated < 1:
        return values
    chosen = np.isin(np.arange(len(values)), list(options))
    odds = float(np.log(family.stated / (1 - family.stated)))
    if family.slots > 1:
        return np.where(chosen, np.maximum(values, odds), values)
    missing = odds - (_log_sum(values[chosen]) - _log_sum(values[~chosen]))
    raised = np.where(chosen, values + max(missing, 0.0), values)
    return np.asarray(raised - _log_sum(raised))


def route_texts(narrative: Narrative) -> tuple[ReadText, ...]:
    """Return the texts that say something, one a language: Chinese typed into the English field is read as
    Chinese."""
    texts: dict[Language, ReadText] = {}
    for field in LANGUAGES:
        text = narrative.en if field == "en" else narrative.zh
        letters = [character for character in text if character.isalpha()]
        if not letters:
            continue
        chinese = sum("\u3400" <= character <= "\u9fff" for character in letters)
        language: Language = "zh" if chinese * 4 >= len(letters) else "en"
        texts.setdefault(language, ReadText(field, language, text))
    return tuple(texts.values())


def read_as(texts: Sequence[ReadText]) -> Reading:
    """Return which languages the texts are in; at least one text is expected."""
    return "both" if len(texts) == 2 else texts[0].language


def _list_sources(
    head: LanguageHeads, text: ReadText
) -> tuple[tuple[Kind, Mapping[str, Spans], Mapping[str, int], Floats, Floats], ...]:
    return (
        ("cue", _spans_of_cues(text.text), head.cues, _cue_row(head, text), head.cue_weights),
        ("term", find_terms(text.text, text.language), head.terms, _term_row(head, text), head.term_weights),
    )


def _logits(head: LanguageHeads, text: ReadText) -> Floats:
    return np.asarray(
        _cue_row(head, text) @ head.cue_weights + _term_row(head, text) @ head.term_weights + head.bias,
        np.float32,
    )


def _cue_row(head: LanguageHeads, text: ReadText) -> Floats:
    row = np.zeros(len(head.cues), np.float32)
    for cue in find_cues(text.text):
        if cue.name in head.cues:
            row[head.cues[cue.name]] = 1.0
    return row


def _term_row(head: LanguageHeads, text: ReadText) -> Floats:
    return weigh_terms(find_terms(text.text, text.language), head.terms, head.rarity)


def _spans_of_cues(text: str) -> dict[str, Spans]:
    found: dict[str, Spans] = {}
    for cue in find_cues(text):
        found.setdefault(cue.name, []).append((cue.start, cue.end))
    return found


def _log_sum(values: NDArray[np.float64]) -> float:
    top = float(values.max())
    return top + float(np.log(np.exp(values - top).sum()))


def _read_family(entry: Mapping[str, Any]) -> HeadFamily:
    temperatures: dict[Reading, float] = {
        reading: float(entry["temperatures"][reading]) for reading in ("en", "zh", "both")
    }
    if min(temperatures.values()) <= 0:
        raise ValueError(f"{entry['family_id']}: temperatures above 0 are expected")
    stated = float(entry.get("stated", 0.0))
    if not 0 <= stated < 1:
        raise ValueError(f"{entry['family_id']}: a chance of stated options from 0 to below 1 is expected")
    return HeadFamily(
        str(entry["family_id"]), int(entry["slots"]), int(entry["options"]), temperatures, stated
    )


def _read_heads(
    language: Language, words: Mapping[str, list[str]], tensors: Mapping[str, NDArray[Any]]
) -> LanguageHeads:
    cues, terms = ({str(name): place for place, name in enumerate(words[kind])} for kind in ("cues", "terms"))
    rarity, cue_weights, term_weights, bias = (
        tensors[f"{language}.{name}"].astype(np.float32) for name in ("rarity", "cues", "terms", "bias")
    )
    if (
        cue_weights.shape != (len(cues), len(bias))
        or term_weights.shape != (len(terms), len(bias))
        or rarity.shape != (len(terms),)
    ):
        raise ValueError(f"the weights of '{language}' do not fit its vocabulary")
    return LanguageHeads(cues, terms, rarity, cue_weights, term_weights, bias)


def _name(folder: Path) -> str:
    digest = hashlib.sha256()
    for name in (CONFIG_NAME, VOCABULARY_NAME, WEIGHTS_NAME):
        digest.update(name.encode())
        digest.update(read_user_file(folder / name, LARGEST_CONFIG))
    return f"{folder.resolve().name}@{digest.hexdigest()[:12]}"
