"""The bar under the cards: how the reading comes about, flag, notes, reveal, done; in its drawer comment, difficulty, unusable photos, history.

Value (``form_value``) brings a case; of the same case the drawer's fields stay as the reader has them. ``saved`` (``saved_value``) says what
the last save made of it, and brings that save alone: the bar knows those before.

Events:

    note     {"case", "comment", "flagged", "difficulty", "unusable": [photo id], "seconds"}   some milliseconds after the last change
    finish   {"case", "heard", "seconds"}    the reading is done; ``heard``: how many changes of the case the browser has sent
    reveal   {"case"}                        show the model beside a blind reading that is done
    back     {"case", "number"}              make an older reading the newest again
    compare  {"case", "open": bool}          show or close the readings side by side
    restore  {"case", "parts": [what ``note``, the cards' ``answers`` and the viewer's ``mask`` said]}   what was not saved when the connection broke
    keep     {"case", "heard", "mode"}       make the open case, which is of no store, one of a queue
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, get_args

import gradio as gr

from magic_demo.disagreements import Changes
from magic_demo.errors import FormError
from magic_demo.limits import LIMITS
from magic_demo.types import Difficulty, Photo, SavedReview
from magic_demo.ui.i18n import fill
from magic_demo.ui.review import ReviewDraft

MAX_COMMENT = LIMITS.comment_characters
NO_FORM: dict[str, Any] = {"case": None}

_ON_LOAD = """
import(new URL("page/review_form.mjs", document.baseURI)).then(({ mountReview }) => mountReview(element, { props, watch, trigger }));
import(new URL("page/keep_bar.mjs", document.baseURI)).then(({ mountKeep }) => mountKeep(element, { props, watch, trigger }));
import(new URL("page/erase_case.mjs", document.baseURI)).then(({ mountErase }) => mountErase(element, { props, watch, trigger }));
const events = ["note", "finish", "reveal", "back", "compare", "restore", "keep", "erase"];  // named here, where Gradio looks for them
"""
_FORM = """
<section class="review" id="keep" hidden [[aria-label keep.label]]><div class="review-line">
  <span class="keep-state">[[keep.unkept]]</span>
  <button type="button" class="review-action is-main" id="keep-case" [[title keep.title]]>[[keep.keep]] <kbd>⇧S</kbd></button></div></section>
<section class="review" id="review" hidden [[aria-label review.title]]>
  <div class="review-drawer" id="review-drawer" hidden>
    <label class="review-field"><span>[[review.comment]]</span><textarea id="review-comment" rows="2" maxlength="4000" autocomplete="off" spellcheck="false" [[placeholder review.comment_hint]]></textarea></label>
    <div class="review-pair">
      <div class="review-field"><span id="review-difficulty-name">[[review.difficulty]]</span>
        <div class="segmented" role="radiogroup" aria-labelledby="review-difficulty-name">
          <button type="button" role="radio" data-difficulty="easy" aria-checked="false">[[review.easy]]</button><button type="button" role="radio"
            data-difficulty="medium" aria-checked="false">[[review.medium]]</button><button type="button" role="radio" data-difficulty="hard" aria-checked="false">[[review.hard]]</button></div></div>
      <div class="review-field" id="review-photos-field"><span>[[review.unusable]]</span><div class="review-photos" id="review-photos"></div></div>
    </div>
    <details class="review-history" id="review-history"><summary>[[review.history]] <b id="review-history-count">0</b></summary><ol id="review-history-list"></ol></details>
    <details class="review-history" id="erase" hidden><summary>[[erase.open]]</summary><p class="erase-what">[[erase.what]]</p>
      <button type="button" class="review-action" id="erase-now">[[erase.now]]</button> <button type="button" class="quiet" id="erase-not">[[erase.not]]</button></details>
  </div>
  <p class="review-changes" id="review-changes" role="status" hidden><b data-changes="changed"></b> [[review.of]] <b data-changes="of"></b> [[review.changed]]
    <b data-changes="towards"></b> [[review.towards]], <b data-changes="away"></b> [[review.away]]<span class="with-reference">; <b data-changes="right_to_wrong"></b> [[review.spoiled]],
    <b data-changes="wrong_to_right"></b> [[review.mended]]</span><span class="with-outlines">; <b data-changes="outlines"></b> [[review.outlines]]</span></p>
  <div class="review-line">
    <span class="review-kind" id="review-kind"><span data-kind="assisted">[[review.assisted]]</span><span data-kind="blind">[[review.blind]]</span><span
      data-kind="revealed">[[review.revealed]]</span><span data-kind="unaided">[[review.unaided]]</span><span data-kind="consensus">[[review.consensus]]</span></span>
    <button type="button" class="quiet" id="review-flag" aria-pressed="false" [[title review.flag]] [[aria-label review.flag]]>⚑</button>
    <button type="button" class="quiet" id="review-notes" aria-expanded="false" aria-controls="review-drawer" [[title review.notes_title]]>[[review.notes]]</button>
    <button type="button" class="quiet" id="review-readings" aria-pressed="false" [[title review.readings_title]] hidden>[[review.readings]]</button>
    <button type="button" class="review-action" id="review-reveal" [[title review.reveal_title]] hidden>[[review.reveal]]</button>
    <button type="button" class="review-action is-main" id="review-finish" [[title review.finish_title]]>[[review.finish]] <kbd>⇧D</kbd></button>
    <button type="button" class="review-action is-main" id="review-next" [[title queue.next_open_title]] hidden>[[queue.next_open]] <kbd>⇧N</kbd></button>
  </div>
  <div hidden><i data-word="photo" [[title review.photo]]></i><i data-word="back" [[title review.back]]></i><i data-word="newest" [[title review.newest]]></i><i data-word="again" [[title review.again]]></i>
    <i data-word="assisted" [[title review.assisted]]></i><i data-word="blind" [[title review.blind]]></i><i data-word="revealed" [[title review.revealed]]></i><i data-word="consensus" [[title review.consensus]]></i>
    <i data-word="in progress" [[title review.in_progress]]></i><i data-word="done" [[title review.done]]></i></div>
</section>
"""


@dataclass(frozen=True)
class Note:
    """What a reader says of a case beside answers and outlines; the fields are those of ``types.Review``."""

    comment: str
    flagged: bool
    difficulty: Difficulty | None
    unusable: frozenset[str]


def form_component() -> gr.HTML:
    """Return the bar; its value is what ``form_value`` returns."""
    return gr.HTML(NO_FORM, html_template=fill(_FORM), js_on_load=_ON_LOAD, elem_id="review-form", apply_default_css=False, saved=None)


def unkept_value(case_id: str) -> dict[str, Any]:
    """Return what the bar shows of an open case that is of no store: that it can be kept."""
    return {**NO_FORM, "keep": case_id}


def form_value(draft: ReviewDraft, photos: Sequence[Photo], saved: Mapping[str, Any], *, adjudicator: bool, erases: bool) -> dict[str, Any]:
    """Return what the bar shows of a case that was just opened, and of what is saved of it (``saved_value``)."""
    reading = draft.reading
    return {
        "case": draft.case,
        "place": {**reading.key._asdict(), "reader": reading.reader} if reading is not None else {},
        "mode": reading.mode if reading is not None else "assisted",
        "adjudicator": adjudicator,
        "erases": erases,
        "photos": [photo.photo_id for photo in photos],
        "comment": draft.comment,
        "flagged": draft.flagged,
        "difficulty": draft.difficulty,
        "unusable": sorted(draft.unusable),
        "seconds": reading.seconds if reading is not None else 0.0,
        "saved": dict(saved),
    }


def saved_value(draft: ReviewDraft, history: Sequence[SavedReview], changes: Changes | None, heard: int) -> dict[str, Any]:
    """Return what the bar shows of the saved readings of a case. history: those it does not have yet, oldest first. heard: changes of it that are saved."""
    reading = draft.reading
    return {
        "case": draft.case,
        "heard": heard,
        "kind": reading.kind if reading is not None else "assisted",
        "state": reading.state if reading is not None else "in progress",
        "changes": asdict(changes) if changes is not None else None,
        "history": [
            {
                "number": saved.number,
                "at": saved.saved_at.isoformat(),
                "kind": saved.review.kind,
                "state": saved.review.state,
                "again": saved.taken_back_from,
            }
            for saved in reversed(history)
        ],
    }


def is_blind_done(saved: SavedReview) -> bool:
    """Return whether a saved reading is a blind one that is done."""
    return saved.review.kind == "blind" and saved.review.state == "done"


def read_note(told: Mapping[str, object], photos: Sequence[Photo]) -> Note:
    """Return what the bar's ``note`` event says; photos that the case does not have are dropped. Raises FormError for an unknown difficulty."""
    difficulty = told.get("difficulty")
    if difficulty is not None and difficulty not in get_args(Difficulty):
        raise FormError(f"{str(difficulty)[:40]!r} is no difficulty; reload the page")
    listed = told.get("unusable")
    names = {photo.photo_id for photo in photos}
    unusable = frozenset(name for name in listed if isinstance(name, str) and name in names) if isinstance(listed, list) else frozenset()
    level = next((level for level in get_args(Difficulty) if level == difficulty), None)
    return Note(str(told.get("comment") or "")[:MAX_COMMENT], bool(told.get("flagged")), level, unusable)


def read_seconds(told: Mapping[str, object], least: float) -> float:
    """Return how long the case was open, as the browser counted: at least what was counted before."""
    seconds = told.get("seconds")
    return max(least, float(seconds)) if isinstance(seconds, int | float) and 0 <= seconds < 1e7 else least
