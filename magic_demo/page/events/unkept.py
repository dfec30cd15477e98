"""What happens when a reader goes on with work that is in no store: the case is opened again with all that
the browser holds of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import product
from typing import Any, TypeVar

import gradio as gr

from magic_demo.core.errors import FormError, MagicDemoError
from magic_demo.core.messages import Message
from magic_demo.core.review_content import name_outline, share_outlines
from magic_demo.core.review_types import Outline
from magic_demo.core.types import Encounter
from magic_demo.imaging.run_lengths import encode_mask
from magic_demo.page.events.handlers import Handlers
from magic_demo.page.events.resolve import Resolved, Updates, answered_with_inputs
from magic_demo.page.events.review.covering import read_area
from magic_demo.page.panels.forms import MAX_PROMPT, name_uploads, read_answers, read_keys
from magic_demo.page.panels.frame.status.status import fixed_line, render_status
from magic_demo.page.panels.viewer.mask_form import check_decided, read_mask
from magic_demo.page.panels.viewer.point_form import read_marks
from magic_demo.page.panels.viewer.remark_form import read_photo_remarks
from magic_demo.page.panels.viewer.ruler_form import read_photo_ruler
from magic_demo.page.session.desk.photos import cover_photo_area
from magic_demo.page.session.open_cases import OpenCase
from magic_demo.page.session.review import NotOpenError, ReviewDraft
from magic_demo.questions.families import QuestionSet

T = TypeVar("T")


class Unkept:
    """The event of the offers."""

    def __init__(self, page: Handlers) -> None:
        self.page = page
        self.parts = page.parts

    def resolve(self, event: gr.EventData | None, request: gr.Request) -> Resolved:
        """Return what an event is about."""
        return self.page.resolve(event, request)

    def failed(self, error: MagicDemoError) -> Updates:
        """Say in the status line what went wrong."""
        return self.page.failed(error)

    @answered_with_inputs
    def restore(self, inputs: Updates, event: Resolved) -> Updates:
        """Open a case again that was not kept, with the answers, outlines, lengths, comments and words that the browser
        holds of it."""
        payload, page, panel = event.payload, self.page, self.parts.panel
        language = page.language(inputs)
        page.end_analysis(event.request)
        encounter, problems = self._read_case(payload)
        answered = read_answers(payload, page.questions.families)
        words = {
            panel.narrative: str(payload.get("narrative") or ""),
            panel.prompt: str(payload.get("prompt") or "")[:MAX_PROMPT],
        }
        example = payload.get("example") is not None
        if example and not payload.get("typed"):
            words[panel.narrative] = encounter.narrative.text(language)
        case = page.replace_case(
            page.cases.get(inputs[self.parts.case]), encounter, event.request, example=example
        )
        if example:
            case = self._cover(case, payload)
        outlines, refused = read_outlines(payload, case, page.questions_of(case))
        rulers, unread = read_of_photos(payload.get("rulers"), case, read_photo_ruler)
        remarks, unsaid = read_of_photos(payload.get("remarks"), case, read_photo_remarks)
        case = page.cases.note_problems(case.open_id, [*problems, *refused, *unread, *unsaid]) or case
        draft = ReviewDraft(
            case.open_id,
            answered.answers,
            answered.specified,
            **share_outlines(outlines),
            rulers=rulers,
            remarks=remarks,
            model_seen=example or payload.get("asked") is True,
        )
        page.drafts.begin(event.session, draft)
        return {
            **page.show_case(case, draft),
            **words,
            self.parts.status: render_status("ready", fixed_line("status.gone_on")),
        }

    def _read_case(self, payload: Mapping[str, Any]) -> tuple[Encounter, tuple[Message, ...]]:
        """Return the encounter, and a line for each photo that could not be read.

        Raises FormError for an example that there is not.
        """
        number = payload.get("example")
        if number is None:
            read = name_uploads(self.page.arrivals.fetch(read_keys(payload)), [])
            return Encounter("CASE", photos=read.photos), read.problems
        return self.page.find_example(number), ()

    def _cover(self, case: OpenCase, payload: Mapping[str, Any]) -> OpenCase:
        covers = payload.get("covers")
        for cover in covers if isinstance(covers, list) else ():
            if not isinstance(cover, Mapping):
                raise FormError(
                    "a cover came as {came}, an object is expected; reload the page",
                    came=type(cover).__name__,
                )
            covered = self.page.cases.put_photo(case.open_id, cover_photo_area(*read_area(cover, case)))
            if covered is None:
                raise NotOpenError
            case = covered
        return case


def read_outlines(
    payload: Mapping[str, Any], case: OpenCase, questions: QuestionSet
) -> tuple[dict[str, Outline], list[Message]]:
    """Return the outlines of the case's photos and labels by name, and a line for each that does not fit its photo; those
    of other photos and labels are left out."""
    outlines, sent = {}, payload.get("masks")
    problems: list[Message] = []
    labels = ("", *(label.label_id for label in questions.further_labels))
    for photo, label in product(case.encounter.photos, labels):
        name = name_outline(photo.photo_id, label)
        outline = sent.get(name) if isinstance(sent, Mapping) else None
        if outline is None:
            continue
        try:
            mask, marks = read_mask(outline, photo.size), read_marks(outline.get("clicks"))
        except FormError as error:
            problems.append(Message("{photo}: {problem}", photo=name, problem=error))
            continue
        try:
            check_decided(mask, outline, name)
        except FormError as error:
            problems.append(error.message)
            continue
        outlines[name] = Outline(encode_mask(mask), marks)
    return outlines, problems


def read_of_photos(
    sent: Any, case: OpenCase, read: Callable[[Any, str, tuple[int, int]], T | None]
) -> tuple[dict[str, T], list[Message]]:
    """Return what was sent of the case's photos, by photo, and a line for each that cannot be read."""
    found: dict[str, T] = {}
    problems: list[Message] = []
    for photo in case.encounter.photos:
        try:
            value = read(
                sent.get(photo.photo_id) if isinstance(sent, Mapping) else None, photo.photo_id, photo.size
            )
        except FormError as error:
            problems.append(error.message)
            continue
        if value is not None:
            found[photo.photo_id] = value
    return found, problems
