"""Masks: a matrix of readers and model, Dice large and Jaccard small, the darker the nearer; and a row a label."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from magic_demo.page.agreement.wording import DASH, name_of, say_number, say_whole, tag_of
from magic_demo.page.texts.i18n import both, both_of
from magic_demo.questions.labels import Label
from magic_demo.reviews.agreement import Agreement, MaskNumbers


def render_masks(masks: MaskNumbers, readers: tuple[str, ...], labels: str = "") -> str:
    """Return the matrix, and below it what ``render_labels`` returned; empty where there is neither."""
    body = _render_matrix(masks, readers) + labels
    return (
        f'<section class="agree-panel" aria-labelledby="agree-masks"><h2 id="agree-masks">{both("agreement.masks")}</h2>{body}</section>'
        if body
        else ""
    )


def _render_matrix(masks: MaskNumbers, readers: tuple[str, ...]) -> str:
    if len(masks.names) < 2:
        return ""
    heads = [f'<span class="voice-tag">{tag_of(name, readers)}</span>{name_of(name)}' for name in masks.names]
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    rows = "".join(
        f'<tr><th scope="row">{name}</th>'
        + "".join(_cell(masks, row, column) for column in range(len(heads)))
        + "</tr>"
        for row, name in enumerate(heads)
    )
    jaccard = both(
        "agreement.jaccard",
        model=say_whole(masks.jaccard_with_model, share=False),
        readers=say_whole(masks.jaccard_among_readers, share=False),
    )
    return (
        '<div class="agree-scroll" tabindex="0" role="group" aria-labelledby="agree-masks"><table '
        f'class="agree-matrix"><thead><tr><td></td>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
        f'<p class="agree-small">{both("agreement.masks_note")} {jaccard}</p>'
    )


def render_labels(agreement: Agreement, labels: Sequence[Label]) -> str:
    """Return a table with a row for each label of a study that has several; empty for one. labels: the study's."""
    if not agreement.labels:
        return ""
    first, *further = labels
    found = {first.label_id: agreement.masks, **agreement.labels}
    heads = ("agreement.label", "agreement.dice_readers", "agreement.jaccard_readers")
    head = "".join(f'<th scope="col">{both(key)}</th>' for key in heads)
    rows = "".join(
        f'<tr data-label="{escape(label.label_id, quote=True)}"><th scope="row">{both_of(label.name)}</th>'
        f"{say_number(found[label.label_id].dice_among_readers, share=False)}"
        f"{say_number(found[label.label_id].jaccard_among_readers, share=False)}</tr>"
        for label in (first, *further)
        if label.label_id in found
    )
    return (
        f'<h3 id="agree-labels">{both("agreement.labels")}</h3><div class="agree-scroll" tabindex="0" role="group" '
        f'aria-labelledby="agree-labels"><table class="agree-families agree-systems"><thead><tr>{head}</tr></thead>'
        f'<tbody>{rows}</tbody></table></div><p class="agree-small">{both("agreement.labels_note")}</p>'
    )


def _cell(masks: MaskNumbers, row: int, column: int) -> str:
    value = float(masks.dice[row, column])
    if row == column:
        return (
            "<td "
            f'class="is-self"><small>{both("agreement.photos", count=int(masks.photos[row, column]))}</small></td>'
        )
    if math.isnan(value):
        return f"<td>{DASH}</td>"
    shade = round(4 + 40 * value**2)
    return (
        f'<td style="--shade:{shade}%"><b>{value:.2f}</b><small>{both("agreement.jaccard_short")} '
        f"{float(masks.jaccard[row, column]):.2f} · "
        f"{both('agreement.compared', count=int(masks.photos[row, column]))}</small></td>"
    )
