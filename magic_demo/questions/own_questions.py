"""A question file of one's own beside the challenge's questions, which the models know: options are matched
by their text, never by place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from magic_demo.core.errors import FormatError
from magic_demo.core.types import Family, OptionScores
from magic_demo.questions.decoding import FamilyPriors, Labels, SetPriors, average_siblings, decode_answers
from magic_demo.questions.families import load_families, read_families


@dataclass(frozen=True, eq=False)
class QuestionMap:
    """Questions as a file has them, and where the models have their options.

    families: the file's. places: family id -> for each of the file's options its index in the challenge's.
    """

    families: tuple[Family, ...]
    places: Mapping[str, tuple[int, ...]]

    def translate_scores(
        self, scores: OptionScores
    ) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
        """Return the file's qid -> (O,) float32 scores in the file's order, from those of the challenge's
        questions."""
        known = {
            family.family_id: average_siblings(scores, family)
            for family in load_families()
            if family.family_id in self.places
        }
        return {
            question.qid: known[family.family_id][list(self.places[family.family_id])].astype(np.float32)
            for family in self.families
            for question in family.questions
        }

    def translate_priors(self, priors: SetPriors | None) -> SetPriors:
        """Return the decoding's priors with the file's indices; labels that the file does not have are left
        out of the sets."""
        translated = {}
        for family in self.families:
            old = (priors or {}).get(family.family_id)
            if old is not None and len(family.questions) > 1:
                places = self.places[family.family_id]
                sets: Counter[Labels] = Counter()
                for labels, count in old.sets.items():
                    sets[frozenset(places.index(label) for label in labels if label in places)] += count
                rates = tuple(old.rates[place] for place in places)
                translated[family.family_id] = FamilyPriors(dict(sets), rates, old.smoothing, old.weight)
        return translated

    def decode(self, scores: OptionScores, priors: SetPriors | None) -> dict[str, int]:
        """Answer the file's questions, with its indices, from the scores of the challenge's questions and
        their priors."""
        return decode_answers(self.translate_scores(scores), self.families, self.translate_priors(priors))


def read_question_map(path: Path) -> QuestionMap:
    """Read a question file and match it with what the models know.

    Raises FormatError that names the first question or option they do not.
    """
    return match_families(read_families(path), str(path))


def match_families(families: Sequence[Family], source: str) -> QuestionMap:
    """Match families by their id and options by their English text, whatever its case; questions and options
    may be fewer, and in another order.

    Raises FormatError for a family or option that the models were not trained on, or an option that stands
    twice: it would get no score.
    """
    known = {
        family.family_id: [_plain(option) for option in family.options["en"]] for family in load_families()
    }
    places = {}
    for family in families:
        qid = family.questions[0].qid
        if family.family_id not in known:
            raise FormatError(
                f"{source}: the models cannot answer {qid}; the families they know are {', '.join(known)}"
            )
        theirs = known[family.family_id]
        names = [_plain(option) for option in family.options["en"]]
        for option, name in zip(family.options["en"], names, strict=True):
            if name not in theirs:
                raise FormatError(
                    f"{source}: {qid} has the option '{option.strip()}', which the models do not know; "
                    f"they know {', '.join(theirs)}"
                )
            if names.count(name) > 1:
                raise FormatError(f"{source}: {qid} has the option '{option.strip()}' twice; keep one")
        places[family.family_id] = tuple(theirs.index(name) for name in names)
    return QuestionMap(tuple(families), places)


def _plain(option: str) -> str:
    return " ".join(option.split()).lower()
