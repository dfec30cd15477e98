"""The routes of ``/learning``: what an adjudicator sees there, and what the buttons do."""

from __future__ import annotations

import sys
from functools import partial
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from magic_demo.core.errors import MagicDemoError, StoreError
from magic_demo.core.limits import LIMITS
from magic_demo.core.review_types import CaseKey
from magic_demo.page.server.learning.comparing import find_compared, render_comparison
from magic_demo.page.server.learning.rendering import LearningView, render_page, say_line
from magic_demo.page.session.desk.desk import Desk
from magic_demo.page.session.inference.learner import Learner
from magic_demo.page.session.inference.source import PredictorSource
from magic_demo.page.texts.i18n import line_in_both
from magic_demo.reviews.exports.case_files import find_queue_files
from magic_demo.reviews.learning.learnt import (
    ANSWERS,
    LEARNT,
    SEGMENTATION,
    LearntError,
    LearntFrom,
    find_withdrawn,
    list_models,
    note_in_use,
    read_in_use,
    read_learnt,
)

LONGEST_FORM = 1024
RULES = ("consensus", "majority", "staple")


class Learning:
    """What the page does: one learner a store, and the models that it switches between."""

    def __init__(self, desk: Desk, source: PredictorSource) -> None:
        self.desk, self.source = desk, source
        self._learner: Learner | None = None
        desk.on_gone.append(self.check_in_use)
        source.resumes.append(self.resume)

    @property
    def learner(self) -> Learner:
        """Return what learns. Raises StoreError where nothing is kept yet."""
        if self._learner is None:
            self._learner = Learner(self.desk.opened_store.location, self.desk.learn_from)
        return self._learner

    def check(self, request: Request) -> str:
        """Return who asks. Raises StoreError for who may not learn from reviews."""
        reader = self.desk.reader(request.cookies)
        if not self.desk.may(reader, "learn from reviews"):
            raise StoreError(
                "this page is an adjudicator's, {name} is none; readers role {name} adjudicator changes that",
                name=reader,
            )
        return reader

    def act(self, form: dict[str, str]) -> None:
        """Do what a button says. Raises LearntError, StoreError or CheckpointError, one line."""
        deed = form.get("do", "")
        if deed == "learn":
            queue, rule = form.get("queue", ""), form.get("rule", RULES[0])
            if queue not in self.desk.opened_store.queues() or rule not in RULES:
                raise LearntError("a queue and a rule are expected; reload the page")
            if (found := self.count_reviewed(queue)) < LIMITS.learn_cases:
                raise LearntError(
                    "{queue}: {found} {found:case has|cases have} a finished reading with an answer or an outline; at "
                    "least {least} are expected, review more",
                    queue=queue,
                    found=found,
                    least=LIMITS.learn_cases,
                )
            self.learner.start(queue, rule)
        elif deed == "stop":
            self.learner.stop()
        elif deed == "use":
            self.use(form.get("model", ""))
        elif deed == "back":
            self.go_back()
        else:
            raise LearntError("learn, stop, use or back is expected; reload the page")

    def count_reviewed(self, queue: str) -> int:
        """Return how many cases of a queue somebody has finished with an answer or an outline: what can be learnt
        from, but for coverings that are still to be decided."""
        rows = self.desk.opened_store.latest_reviews(queue, viewer=None)
        return len({saved.review.case_id for saved in rows if saved.review.answers or saved.review.masks})

    def use(self, name: str) -> None:
        """Show a learnt model from now on."""
        folder = next((one for one in list_models(self.desk.opened_store.location) if one.name == name), None)
        if folder is None or self.desk.load_learnt is None:
            raise LearntError("there is no such model any more; reload the page")
        gone = self.count_withdrawn(read_learnt(folder))
        if gone:
            raise LearntError(
                "{gone} {gone:case|cases} that it was learnt from {gone:was|were} deleted or covered since; learn again",
                gone=gone,
            )
        parts = {"segmentation": folder / SEGMENTATION}
        if (folder / ANSWERS).is_dir():
            parts["answers"] = folder / ANSWERS
        self.source.switch(name, partial(self.desk.load_learnt, **parts), (folder / LEARNT).is_file)
        note_in_use(self.desk.opened_store.location, name)

    def go_back(self) -> None:
        """Show the page's own models again, after a restart too."""
        self.source.go_back()
        note_in_use(self.desk.opened_store.location, "")

    def resume(self) -> None:
        """Show the model again that was shown when the page was stopped; one that may not be used any more is
        forgotten, and one that cannot be loaded is named where the page was started."""
        name = read_in_use(self.desk.store.location) if self.desk.store is not None else ""
        if not name:
            return
        try:
            self.use(name)
        except MagicDemoError as error:
            if isinstance(error, LearntError):
                self.go_back()
            print(f"The learnt model {name} is not used: {error}", file=sys.stderr, flush=True)

    def count_withdrawn(self, learnt: LearntFrom) -> int:
        """Return how many of a model's cases are gone or covered since."""
        return find_withdrawn(learnt, find_queue_files(self.desk.opened_store, learnt.queue))

    def check_in_use(self, _key: CaseKey) -> None:
        """Go back to the page's own models where one in use was learnt from a case that is gone or covered now."""
        name = self.source.learnt
        if not name:
            return
        try:
            folder = next(one for one in list_models(self.desk.opened_store.location) if one.name == name)
            withdrawn = self.count_withdrawn(read_learnt(folder))
        except (StopIteration, MagicDemoError, OSError):  # it went with the case
            withdrawn = 1
        if withdrawn:
            self.go_back()

    def view(self, problem: str = "") -> LearningView:
        """Return what the page shows."""
        store = self.desk.opened_store
        models = []
        for folder in reversed(list_models(store.location)):
            try:
                models.append((folder.name, read_learnt(folder).about))
            except LearntError:
                continue
        running = self.learner.running
        return LearningView(
            queues=store.queues(),
            reviewed={} if running else {queue: self.count_reviewed(queue) for queue in store.queues()},
            first=self.desk.first_queue,
            running=running,
            failed=self.learner.failed,
            progress=self.learner.progress,
            log=self.learner.read_log(),
            models=models,
            in_use=self.source.learnt,
            problem=problem,
        )

    def compare(self, name: str, reader: str) -> str:
        """Return the page that sets a model beside the one it began from; its cases are noted as seen. Those that the
        reader reads blind and has not revealed are left out."""
        store = self.desk.opened_store
        folder = next((one for one in list_models(store.location) if one.name == name), None)
        if folder is None:
            raise LearntError("there is no such model any more; reload the page")
        learnt = read_learnt(folder)
        hidden = store.unrevealed(reader)
        found = find_compared(folder, learnt, find_queue_files(store, learnt.queue))
        compared = [case for case in found if CaseKey(learnt.queue, case.files.encounter_id) not in hidden]
        keys = [CaseKey(learnt.queue, case.files.encounter_id) for case in compared]
        store.note_seen(keys, reader, "model")
        store.note_seen(keys, reader, "others")
        return render_comparison(name, compared, self.desk.questions, hidden=len(found) - len(compared))


def list_learning_routes(desk: Desk, source: PredictorSource) -> list[Route]:
    """Return the routes: GET shows the page, with ``?compare=MODEL`` held-out cases side by side; POST does
    (``do``: learn, stop, use, back); ``/learning/state`` says how far learning is."""
    learning = Learning(desk, source)

    async def show(request: Request) -> Response:
        name = request.query_params.get("compare", "")
        try:
            reader = learning.check(request)
            if name:
                return HTMLResponse(await run_in_threadpool(learning.compare, name, reader))
            return HTMLResponse(render_page(await run_in_threadpool(learning.view)))
        except MagicDemoError as error:
            return PlainTextResponse("\n".join(line_in_both(error.message).values()), 403)

    async def act(request: Request) -> Response:
        form = parse_qs((await request.body())[:LONGEST_FORM].decode("utf-8", "replace"))
        try:
            learning.check(request)
        except MagicDemoError as error:
            return PlainTextResponse("\n".join(line_in_both(error.message).values()), 403)
        try:
            await run_in_threadpool(learning.act, {name: values[0] for name, values in form.items()})
        except MagicDemoError as error:
            view = await run_in_threadpool(learning.view, error.message)
            return HTMLResponse(render_page(view), 409)
        return RedirectResponse("learning", 303)

    async def state(request: Request) -> Response:
        try:
            learning.check(request)
            view = await run_in_threadpool(learning.view)
        except MagicDemoError as error:
            return JSONResponse({"problem": str(error)}, 403)
        told = view.progress
        return JSONResponse(
            {
                "running": view.running,
                "share": told.share if told is not None else 1.0,
                "line": say_line(told.line) if told is not None else None,
                "log": view.log,
            }
        )

    return [
        Route("/learning", show),
        Route("/learning", act, methods=["POST"]),
        Route("/learning/state", state),
    ]
