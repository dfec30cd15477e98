"""The bar under the cards: how the reading comes about, flag, notes, reveal, done; in its drawer comment,
choices, unusable photos, history.

Value (``form_value``) brings a case; of the same case the drawer's fields stay as the reader has them.
``saved`` (``saved_value``) says what the last save made of it, and brings that save alone: the bar knows
those before. ``asks`` (``asks_value``) names what is open before a reading is finished without it.

Events:

    note     {"case", "comment", "flagged", a choice's name, "unusable": [photo id], "seconds"}   some
    milliseconds after the last change finish   {"case", "heard", "seconds", "anyway": [id]}   the reading is
    done; ``heard``: how many changes of the case the browser has sent;
                                             ``anyway``: the families and photos that the reader was told of
                                             and leaves open
    reopen   {"case", "heard", "seconds"}    Done was taken back: the reading goes on
    reveal   {"case"}                        show the model beside a blind reading that is done
    back     {"case", "number", "heard"}     make an older reading the newest again; ``back`` brings what it
    says (see ``versions.py``) look     {"case", "number"}              look at an older reading; ``version``
    brings what it says compare  {"case", "open": bool}          show or close the readings side by side
    restore  {"case", "parts": [what ``note``, the cards' ``answers`` and the viewer's ``mask`` said]}   what
    was not saved when the connection broke keep     {"case", "heard", "mode"}       make the open case, which
    is of no store, one of a queue
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import gradio as gr

from magic_demo.core.errors import FormError
from magic_demo.core.limits import LIMITS
from magic_demo.core.review_content import CHOICES, find_fault, from_json, split_outline, to_json
from magic_demo.core.review_types import ReviewContent, SavedReview
from magic_demo.core.types import Photo
from magic_demo.page.gradio_internals.scripts import load_script
from magic_demo.page.panels.review.choices import write_choice_words, write_choices
from magic_demo.page.session.review import ReviewDraft
from magic_demo.page.texts.i18n import fill
from magic_demo.questions.families import QuestionSet
from magic_demo.reviews.disagreements import Changes
from magic_demo.reviews.store import Action

MAX_COMMENT = LIMITS.comment_characters
NOTED = ("comment", "flagged", "unusable", *CHOICES)
"""What the bar shows of a review's content."""
NO_FORM: dict[str, Any] = {"case": None}

_ON_LOAD = load_script(
    {
        "panels/review/review_form.mjs": "mountReview",
        "panels/review/keep_bar.mjs": "mountKeep",
        "panels/review/erase_case.mjs": "mountErase",
    },
    events=[
        "note",
        "again",
        "finish",
        "reopen",
        "reveal",
        "back",
        "look",
        "compare",
        "restore",
        "keep",
        "erase",
    ],
    newest=["reveal", "look", "compare"],
)
_KEEP_BUTTON = """<button type="button" class="review-action is-main" id="keep-case" [[title keep.title]]>[[keep.keep]] <kbd>⇧S</kbd></button>"""
_KEEPS_NOTHING = """<span class="keep-state" id="keeps-nothing">[[keep.never]]</span>"""
_FORM = """
<section class="review" id="keep" hidden [[aria-label keep.label]]><div class="review-line">
  <span class="keep-state">[[keep.unkept]]</span>
  KEEP_BUTTON</div></section>
<section class="review" id="review" hidden [[aria-label review.title]]>
  <div class="version-bar" id="version-bar" role="status" hidden><p><b id="version-which"></b> <span id="version-says"></span></p>
    <button type="button" class="review-action is-main" id="version-back">[[review.bring_back]]</button> <button type="button" class="review-action" id="version-close">[[review.close]] <kbd>Esc</kbd></button></div>
  <div class="review-drawer" id="review-drawer" hidden>
    <label class="review-field"><span>[[review.comment]]</span><textarea id="review-comment" rows="2" maxlength="MAX_COMMENT" autocomplete="off" spellcheck="false" [[placeholder review.comment_hint]]></textarea></label>
    <div class="review-pair">
      CHOICE_FIELDS
      <div class="review-field" id="review-photos-field"><span>[[review.unusable]]</span><div class="review-photos" id="review-photos"></div></div>
    </div>
    <details class="review-history" id="review-history"><summary>[[review.history]] <b id="review-history-count">0</b></summary><ol id="review-history-list"></ol></details>
    <details class="review-history" id="erase" hidden><summary>[[erase.open]]</summary><p class="erase-what">[[erase.what]]</p>
      <button type="button" class="review-action" id="erase-now">[[erase.now]]</button> <button type="button" class="quiet" id="erase-not">[[erase.not]]</button></details>
  </div>
  <p class="review-changes" id="review-changes" role="status" hidden><b data-changes="changed"></b> [[review.of]] <b data-changes="of"></b> [[review.changed]]
    <b data-changes="towards"></b> [[review.towards]], <b data-changes="away"></b> [[review.away]]<span class="with-reference">; <b data-changes="right_to_wrong"></b> [[review.spoiled]],
    <b data-changes="wrong_to_right"></b> [[review.mended]]</span><span class="with-outlines">; <b data-changes="outlines"></b> [[review.outlines]]</span></p>
  <div class="review-asks" id="review-asks" role="alertdialog" aria-labelledby="review-asks-title" hidden>
    <p id="review-asks-title">[[review.still_open]] <button type="button" class="quiet" id="review-go-on" [[title review.go_on_title]]>[[review.go_on]]</button></p><ul id="review-asks-list"></ul></div>
  <div class="review-line">
    <span class="review-kind" id="review-kind"><span data-kind="assisted">[[review.assisted]]</span><span data-kind="blind">[[review.blind]]</span><span
      data-kind="compared">[[review.compared]]</span><span data-kind="revealed">[[review.revealed]]</span><span data-kind="unaided">[[review.unaided]]</span><span data-kind="consensus">[[review.consensus]]</span><span class="review-left-open" id="review-left-open" hidden> · <b data-left-open></b> [[review.open]]</span><span id="review-outlines" [[title review.not_outlined_title]] hidden> · <b data-outlines></b> [[review.not_outlined]]</span></span>
    <button type="button" class="quiet" id="review-flag" aria-pressed="false" [[title review.flag]] [[aria-label review.flag]]>⚑</button>
    <button type="button" class="quiet" id="review-notes" aria-expanded="false" aria-controls="review-drawer" [[title review.notes_title]]>[[review.notes]]</button>
    <button type="button" class="quiet" id="review-readings" aria-pressed="false" [[title review.readings_title]] hidden>[[review.readings]]</button>
    <button type="button" class="review-action" id="review-reveal" [[title review.reveal_title]] hidden>[[review.reveal]]</button>
    <button type="button" class="review-action is-main" id="review-finish" [[title review.finish_title]]><span class="finish-whole">[[review.finish]]</span><span class="finish-anyway">[[review.anyway_before]] <b data-asked></b> [[review.anyway_after]]</span> <kbd>⇧D</kbd></button>
    <button type="button" class="review-action is-main" id="review-next" [[title queue.next_open_title]] hidden>[[queue.next_open]] <kbd>⇧N</kbd></button>
  </div>
  <div hidden><i data-word="photo" [[title review.photo]]></i><i data-word="version" [[title review.version]]></i><i data-word="look" [[title review.look]]></i><i data-word="no-outline" [[title review.no_outline]]></i><i data-word="newest" [[title review.newest]]></i><i data-word="again" [[title review.again]]></i>
    <i data-word="assisted" [[title review.assisted]]></i><i data-word="blind" [[title review.blind]]></i><i data-word="compared" [[title review.compared]]></i><i data-word="open" [[title review.open]]></i><i data-word="revealed" [[title review.revealed]]></i><i data-word="consensus" [[title review.consensus]]></i>
    <i data-word="in progress" [[title review.in_progress]]></i><i data-word="done" [[title review.done]]></i>CHOICE_WORDS</div>
</section>
"""


def form_component(*, public: bool = False) -> gr.HTML:
    """Return the bar; its value is what ``form_value`` returns. public: no case can be kept, which it says in
    place of the button."""
    parts = {
        "KEEP_BUTTON": _KEEPS_NOTHING if public else _KEEP_BUTTON,
        "MAX_COMMENT": str(MAX_COMMENT),
        "CHOICE_FIELDS": write_choices(),
        "CHOICE_WORDS": write_choice_words(),
    }
    template = _FORM
    for name, part in parts.items():
        template = template.replace(name, part)
    return gr.HTML(
        NO_FORM,
        html_template=fill(template),
        js_on_load=_ON_LOAD,
        elem_id="review-form",
        apply_default_css=False,
        saved=None,
        asks=None,
        version=None,
        back=None,
    )


def unkept_value(open_id: str, opened: Sequence[bool] | None = None) -> dict[str, Any]:
    """Return what the bar shows of an open case that is of no store: that it can be kept. opened: which of
    the files that just came became photos."""
    came = (
        {"opened": list(opened), "came": secrets.token_hex(4)} if opened is not None else {}
    )  # the same value again would not be heard of
    return {**NO_FORM, "keep": open_id, **came}


def form_value(
    draft: ReviewDraft,
    photos: Sequence[str],
    saved: Mapping[str, Any],
    *,
    may: Collection[Action],
    missing: int = 0,
) -> dict[str, Any]:
    """Return what the bar shows of a case that was just opened, and of what is saved of it
    (``saved_value``). may: what its reader may do."""
    reading = draft.reading
    return {
        "case": draft.open_id,
        "stored": {"queue": reading.key.queue, "id": reading.key.case_id, "reader": reading.reader}
        if reading is not None
        else {},
        "mode": reading.mode if reading is not None else "assisted",
        "may": list(may),
        "photos": list(photos),
        "missing": missing,
        **{name: value for name, value in to_json(draft).items() if name in NOTED},
        "seconds": reading.seconds if reading is not None else 0.0,
        "saved": dict(saved),
    }


def saved_value(
    draft: ReviewDraft,
    history: Sequence[SavedReview],
    changes: Changes | None,
    heard: int,
    open_outlines: int = 0,
) -> dict[str, Any]:
    """Return what the bar shows of the saved readings of a case. history: those it does not have yet, oldest
    first. heard: changes of it that are saved. open_outlines: how many a complete reading still needs."""
    reading = draft.reading
    return {
        "case": draft.open_id,
        "heard": heard,
        "kind": reading.kind if reading is not None else "assisted",
        "state": reading.state if reading is not None else "in progress",
        "outlines": open_outlines,
        "changes": asdict(changes) if changes is not None else None,
        "history": [
            {
                "number": saved.number,
                "at": saved.saved_at.isoformat(),
                "kind": saved.review.kind,
                "state": saved.review.state,
                "again": saved.taken_back_from,
                "missing": len(saved.review.missing),
            }
            for saved in reversed(history)
        ],
    }


def asks_value(
    draft: ReviewDraft, left_open: Sequence[str], photos: Sequence[Photo], questions: QuestionSet
) -> dict[str, Any]:
    """Return what the bar names before a reading is finished with this left open: families by their titles,
    photos by their number, and by the label whose outline lacks, where there are several."""
    titles = {family.family_id: family.title for family in questions.families}
    numbers = {photo.photo_id: number for number, photo in enumerate(photos, start=1)}
    names = {label.label_id: label.name for label in questions.further_labels}
    if names:
        names[""] = questions.labels[0].name
    tied = draft.ties if draft.reading is not None and draft.reading.kind == "consensus" else {}
    return {
        "case": draft.open_id,
        "turn": secrets.token_hex(4),  # the same again is another question
        "missing": [
            {
                "id": item,
                "title": titles.get(item),
                "number": numbers.get(photo),
                "label": names.get(label) if photo in numbers else None,
                "tied": item in tied,
            }
            for item in left_open
            for label, photo in [split_outline(item)]
        ],
    }


def read_note(payload: Mapping[str, object], photos: Collection[str]) -> ReviewContent:
    """Return what the bar's ``note`` event says, without answers and masks; photos that the case does not have,
    by id, are dropped.

    Raises FormError for a choice that there is not.
    """
    note = from_json({name: payload[name] for name in CHOICES if name in payload})
    if (fault := find_fault(note)) is not None:
        name, value, _values = fault
        raise FormError("{came!r} is no {field}; reload the page", came=str(value)[:40], field=name)
    listed = payload.get("unusable")
    unusable = (
        frozenset(name for name in listed if isinstance(name, str) and name in photos)
        if isinstance(listed, list)
        else frozenset()
    )
    comment = str(payload.get("comment") or "")[:MAX_COMMENT]
    return replace(note, comment=comment, flagged=bool(payload.get("flagged")), unusable=unusable)


def read_seconds(payload: Mapping[str, object], least: float) -> float:
    """Return how long the case was open, as the browser counted: at least what was counted before."""
    seconds = payload.get("seconds")
    return max(least, float(seconds)) if isinstance(seconds, int | float) and 0 <= seconds < 1e7 else least
