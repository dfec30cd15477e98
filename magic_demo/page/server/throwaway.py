"""A store to try things in: in a temporary folder, emptied by "Start afresh", deleted when the program
ends."""

from __future__ import annotations

import atexit
from collections.abc import Mapping
from contextlib import ExitStack

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from magic_demo.core.disk.parts import temporary_folder
from magic_demo.core.errors import MagicDemoError, StoreError
from magic_demo.page.session.desk.desk import Desk, page_actor
from magic_demo.page.texts.i18n import line_in_both
from magic_demo.questions.families import QuestionSet
from magic_demo.reviews.store import Store


def open_throwaway_store(questions: QuestionSet) -> Store:
    """Open a store for answers to these questions in a new temporary folder, which goes when the program ends; where it is killed,
    ``sweep_temporary`` finds the folder."""
    stack = ExitStack()
    store = stack.enter_context(Store.open(stack.enter_context(temporary_folder()), questions=questions))
    atexit.register(stack.close)
    return store


def list_throwaway_routes(desk: Desk) -> list[Route]:
    """Return the route by which a browser empties the store; none where the store is to stay."""

    def empty_as(cookies: Mapping[str, str], address: str) -> None:
        actor = page_actor(desk.reader(cookies), address)
        if not desk.may(actor.name, "delete cases"):
            raise StoreError("only an adjudicator deletes cases, as everybody's readings go with them")
        desk.empty(actor)

    async def empty(request: Request) -> Response:
        if request.headers.get("content-type") != "application/json":  # which another site's page cannot send
            return PlainTextResponse("a body of type application/json is expected", 400)
        try:
            address = request.client.host if request.client is not None else ""
            await run_in_threadpool(empty_as, request.cookies, address)
        except MagicDemoError as error:
            return PlainTextResponse("\n".join(line_in_both(error.message).values()), 409)
        return JSONResponse({})

    return [Route("/start-afresh", empty, methods=["POST"])] if desk.throwaway else []
