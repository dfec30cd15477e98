"""One call for everything: readings and the model's answers -> Agreement."""

from __future__ import annotations

from collections.abc import Sequence

from magic_demo.core.types import Family
from magic_demo.reviews.agreement.answers import measure_families
from magic_demo.reviews.agreement.differing import rank_cases
from magic_demo.reviews.agreement.mask_overlap import Compare, compare_runs
from magic_demo.reviews.agreement.masks import compare_masks, measure_masks
from magic_demo.reviews.agreement.panel import MODEL, Panel, code_families
from magic_demo.reviews.agreement.resampling import RESAMPLES
from magic_demo.reviews.agreement.results import Agreement
from magic_demo.reviews.agreement.switching import measure_switches


def measure_agreement(
    panel: Panel,
    families: Sequence[Family],
    *,
    resamples: int = RESAMPLES,
    compare: Compare = compare_runs,
) -> Agreement:
    """Measure what ``gather_panel`` chose, on these families; ``resamples`` 0 leaves the intervals
    out. compare: compares two masks."""
    overlaps = compare_masks(panel, compare)
    coded = code_families(panel, families)
    overall, each = measure_families(panel, coded, resamples=resamples)
    return Agreement(
        cases=len(panel.cases),
        readings=panel.readings,
        readers=panel.readers,
        model_cases=len(panel.answers.get(MODEL, {})),
        overall=overall,
        families=each,
        masks=measure_masks(panel, overlaps, compare, resamples=resamples),
        switches=measure_switches(panel, families, compare, resamples=resamples),
        differing=rank_cases(panel, overlaps, coded),
        labels={
            label: measure_masks(own, compare_masks(own, compare), compare, resamples=resamples)
            for label in panel.labels
            for own in (panel.of_label(label),)
        },
        blind=panel.blind,
        after_model=panel.after_model,
        after_others=panel.after_others,
        incomplete=panel.incomplete,
        shared_cases=sum(
            sum(case in panel.answers[reader] for reader in panel.readers) >= 2 for case in panel.cases
        ),
    )
