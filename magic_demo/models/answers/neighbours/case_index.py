"""An index of labelled cases: the vectors of their words in each language and of their photos, their answers, and how
they vote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from magic_demo.core.types import LANGUAGES, Alike, Answers, Family, Language, Narrative, OptionScores
from magic_demo.cues.cue_model import ReadText, route_texts
from magic_demo.models.answers.neighbours.photo_features import PhotoVectors
from magic_demo.models.answers.neighbours.search import (
    DenseVectors,
    Floats,
    SparseVectors,
    VectorSearch,
    find_nearest,
    vote,
    weigh_neighbours,
)
from magic_demo.models.answers.neighbours.text_features import (
    count_features,
    count_rarity,
    digest_words,
    embed,
)
from magic_demo.questions.families import load_families
from magic_demo.questions.shares import as_scores

OLDER_WEIGHTS = {"CQID034": 0.3, "CQID036": 0.05}
"""How much cases of the challenge's older labelling count, as in training/configs/cue-model.yaml."""


class TextEncoder(Protocol):
    """Turns texts into vectors."""

    def encode(self, texts: Sequence[str]) -> Floats:
        """Return (T, D) float32 of length 1, one a text in any language."""


@dataclass(frozen=True)
class VoteSettings:
    """How neighbours vote.

    neighbours: how many. warmth: see ``weigh_neighbours``. cue_share: what cues count beside terms in the
    similarity. prior: votes that the rates of all cases have. Chosen on folds of the challenge's train split.
    photo_share: what photos count beside words in the similarity, 0..1, of cases that have both; those without words
    are compared by photos alone.
    """

    neighbours: int = 20
    warmth: float = 0.1
    cue_share: float = 0.5
    prior: float = 2.0
    photo_share: float = 0.0


@dataclass(frozen=True, eq=False)
class CaseIndex:
    """N labelled cases that can be searched.

    case_ids: (N,). digests: of each case's words in each language, "" without. vectors: language -> vectors.
    rarity: language -> (D,) of hashed features, empty with an encoder. labels: family id -> (N, O) bool.
    weights: family id -> (N,) how much each case counts. photos: what was seen in the cases' photos, None where words
    alone are compared.
    """

    case_ids: tuple[str, ...]
    digests: tuple[frozenset[str], ...]
    vectors: Mapping[Language, VectorSearch]
    rarity: Mapping[Language, Floats]
    labels: Mapping[str, NDArray[np.bool_]]
    weights: Mapping[str, NDArray[np.float64]]
    settings: VoteSettings = VoteSettings()
    encoder: TextEncoder | None = None
    families: tuple[Family, ...] = field(default_factory=load_families)
    photos: PhotoVectors | None = None

    def find(
        self, narrative: Narrative, photos: Sequence[Floats] = ()
    ) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Return the rows of the nearest cases and their similarities (K,); none without words and photos. A case
        with the same words in either language, or one of the photos, is the case itself and never among them.

        photos: (D,) each, of ``pool_photo``.
        """
        texts = route_texts(narrative)
        own = {digest_words([text.text]) for text in texts}
        allowed = np.array([not own & known for known in self.digests], np.bool_)
        similarities = np.full(len(self.case_ids), np.nan)
        if texts:
            similarities = np.mean([self._compare(text) for text in texts], axis=0)
        if self.photos is not None and len(photos):
            allowed &= ~self.photos.holds(photos)
            similarities = self._add_photos(similarities, self.photos.compare(photos))
        rows = find_nearest(similarities, allowed & ~np.isnan(similarities), self.settings.neighbours)
        return rows, similarities[rows]

    def compare_by(self, narrative: Narrative, photos: Sequence[Floats] = ()) -> Alike:
        """Return what ``find`` compares a case by."""
        if self.photos is None or not len(photos):
            return "words"
        if not route_texts(narrative):
            return "photos"
        return "words and photos" if self.settings.photo_share > 0 else "words"

    def score(self, narrative: Narrative, photos: Sequence[Floats] = ()) -> OptionScores:
        """Return the neighbours' weighted vote, qid -> (O,) float32; what is frequent without words and photos."""
        rows, similarities = self.find(narrative, photos)
        near = weigh_neighbours(similarities, self.settings.warmth)
        scores: dict[str, Floats] = {}
        for family in self.families:
            labels, weights = self.labels[family.family_id], self.weights[family.family_id]
            rates = np.clip((weights @ labels + 0.5) / (weights.sum() + 1.0), 1e-3, 1 - 1e-3)
            shares = vote(labels[rows], near * weights[rows], rates, self.settings.prior)
            values = as_scores(shares, len(family.questions) == 1).astype(np.float32)
            scores.update({question.qid: values for question in family.questions})
        return scores

    def _add_photos(self, words: NDArray[np.float64], photos: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (N,) similarities from those in words and those in photos, NaN where there are none of either."""
        share = self.settings.photo_share
        both = (1 - share) * words + share * photos
        return np.where(np.isnan(photos), words, np.where(np.isnan(words), photos, both))

    def _compare(self, text: ReadText) -> NDArray[np.float64]:
        if self.encoder is not None:
            return self.vectors[text.language].compare(self.encoder.encode([text.text])[0])
        features = count_features(text)
        query = embed(features, self.rarity[text.language], self.settings.cue_share)
        return self.vectors[text.language].compare(query)


def build_index(
    case_ids: Sequence[str],
    narratives: Sequence[Narrative],
    answers: Sequence[Answers],
    *,
    settings: VoteSettings = VoteSettings(),
    present_from: str = "",
    encoder: TextEncoder | None = None,
    photos: PhotoVectors | None = None,
) -> CaseIndex:
    """Index labelled cases. present_from: the first id of the present labelling; cases before it count by
    ``OLDER_WEIGHTS``. encoder: of texts, in place of hashed features. photos: of the same cases."""
    texts = [{text.language: text for text in route_texts(narrative)} for narrative in narratives]
    vectors: dict[Language, VectorSearch] = {}
    rarity: dict[Language, Floats] = {}
    for language in LANGUAGES:
        found = [of_case.get(language) for of_case in texts]
        if encoder is not None:
            rows = encoder.encode([text.text if text is not None else "" for text in found])
            there = np.array([text is not None for text in found])
            vectors[language] = DenseVectors((rows * there[:, None]).astype(np.float32))
            continue
        features = [count_features(text) if text is not None else {} for text in found]
        rarity[language] = count_rarity(features)
        vectors[language] = SparseVectors.of(
            [embed(of_case, rarity[language], settings.cue_share) for of_case in features]
        )
    families = load_families()
    labels, weights = {}, {}
    for family in families:
        rows_of = np.zeros((len(case_ids), len(family.options["en"])), np.bool_)
        for row, given in enumerate(answers):
            rows_of[row, [given[question.qid] for question in family.questions]] = True
        labels[family.family_id] = rows_of
        older = OLDER_WEIGHTS.get(family.family_id, 1.0)
        weights[family.family_id] = np.array([older if case < present_from else 1.0 for case in case_ids])
    digests = tuple(
        frozenset(digest_words([text.text]) for text in of_case.values()) - {""} for of_case in texts
    )
    return CaseIndex(
        tuple(case_ids), digests, vectors, rarity, labels, weights, settings, encoder, families, photos
    )
