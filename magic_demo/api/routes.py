"""``/api/v1`` over HTTP: the verbs, each with its description (OpenAPI), and errors that are all of one form."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.security import HTTPBearer
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.routing import Mount

from magic_demo.api.errors import ApiError, name_error
from magic_demo.api.forms import describe_form, read_form
from magic_demo.api.shapes import (
    CaseAsked,
    CasesAsked,
    CasesSaid,
    ExportAsked,
    Failure,
    JobAsked,
    JobSaid,
    JobsSaid,
    NothingAsked,
    NumberAsked,
    QuestionsAsked,
    QuestionsSaid,
    QueueAsked,
    QueuesSaid,
    ReadersSaid,
    ReviewSaid,
    ReviewsSaid,
)
from magic_demo.api.tools import Tools
from magic_demo.api.verbs import Caller, Verbs, make_caller
from magic_demo.core.errors import MagicDemoError
from magic_demo.page.server.gate.programs import API, MCP, TOKEN, answer_program, say_error
from magic_demo.page.server.requests.faults import FAULT_LINE
from magic_demo.page.server.requests.parameters import RefusedError

ABOUT = (
    "What the page does, for other programs: docs/api.md. Research use only; not a medical device. "
    "A token speaks for a reader and sees what this reader sees on the page."
)
_ERRORS: dict[int, str] = {
    400: "Something that is not described here came.",
    401: "No token that is valid.",
    403: "Not for the token's reader.",
    404: "There is no such thing, or it is another token's.",
    409: "It cannot be done.",
    413: "Too large.",
    415: "Sent in another way than described.",
    429: "Too many at once; Retry-After says when to come again.",
    503: "Too busy; Retry-After says when to come again.",
}
ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": Failure, "description": line} for status, line in _ERRORS.items()
}


def _find_caller(request: Request) -> Caller:
    """Return who asks; the gate has looked at the token."""
    address = request.client.host if request.client is not None else ""
    return make_caller(request.scope[TOKEN], address, str(request.scope["root_path"]))


Who = Annotated[Caller, Depends(_find_caller)]
Job = Annotated[str, Path(min_length=1, max_length=64, pattern="^[A-Za-z0-9_-]+$")]
SENDING_SECONDS = 300.0
"""How long a case may take to come."""


def make_api(verbs: Verbs, *, tools: bool = False) -> FastAPI:
    """Return the application that answers below ``/api/v1``, behind the gate. tools: MCP is there too."""
    api = FastAPI(
        title="Magic Demo",
        version="1",
        description=ABOUT,
        docs_url=None,
        redoc_url=None,
        responses=ERRORS,
        dependencies=[Depends(HTTPBearer(auto_error=False))],  # described here; the gate asks for it
    )
    _add_error_answers(api)
    _add_reading(api, verbs)
    _add_work(api, verbs)
    if tools:
        _add_tools(api, Tools(verbs))
    return api


def list_api_routes(verbs: Verbs, *, tools: bool = False) -> list[Mount]:
    """Return the one route of the API. tools: as ``make_api`` takes it."""
    return [Mount(API, make_api(verbs, tools=tools))]


def _add_reading(api: FastAPI, verbs: Verbs) -> None:
    @api.get("/questions")
    def questions(caller: Who, asked: Annotated[QuestionsAsked, Query()]) -> QuestionsSaid:
        """Return the closed questions with their options: a queue's, or those of a case in none."""
        return verbs.questions(caller, asked)

    @api.get("/queues")
    def queues(caller: Who) -> QueuesSaid:
        """Return the queues, and what the token's reader is."""
        return verbs.list_queues(caller, NothingAsked())

    @api.get("/cases")
    def cases(caller: Who, asked: Annotated[CasesAsked, Query()]) -> CasesSaid:
        """Return a part of a queue's list, as the token's reader sees it."""
        return verbs.list_cases(caller, asked)

    @api.get("/reviews")
    def reviews(caller: Who, asked: Annotated[CaseAsked, Query()]) -> ReviewsSaid:
        """Return the finished reviews of a case that the token's reader may see."""
        return verbs.list_reviews(caller, asked)

    @api.get("/reviews/{number}")
    def review(caller: Who, number: Annotated[int, Path(ge=1, le=2**53)]) -> ReviewSaid:
        """Return a finished review, as the webhook names it."""
        return verbs.read_review(caller, NumberAsked(number=number))

    @api.get("/progress")
    def progress(caller: Who, asked: Annotated[QueueAsked, Query()]) -> ReadersSaid:
        """Return how far each reader is in a queue."""
        return verbs.read_progress(caller, asked)


def _add_work(api: FastAPI, verbs: Verbs) -> None:
    @api.post("/predictions", status_code=202, openapi_extra={"requestBody": describe_form()})
    async def predictions(caller: Who, request: Request) -> JobSaid:
        """Begin a prediction of photos, the patient's words, or both."""
        # before anything of it is read: who has no place costs nothing
        job = verbs.make_room(caller, int(request.headers["content-length"]))
        try:
            async with asyncio.timeout(SENDING_SECONDS):
                asked, photos = await read_form(request)
            return await run_in_threadpool(verbs.predict, caller, asked, photos, job)
        except BaseException as error:
            verbs.jobs.forget(job.id, caller.token)
            if isinstance(error, TimeoutError):
                raise ApiError("invalid", "the case took too long to come; send it again") from error
            raise

    @api.post("/exports", status_code=202)
    def exports(caller: Who, asked: ExportAsked) -> JobSaid:
        """Begin an export of a queue's finished reviews."""
        return verbs.export(caller, asked)

    @api.get("/jobs")
    def jobs(caller: Who) -> JobsSaid:
        """Return the token's jobs, oldest first."""
        return verbs.list_jobs(caller, NothingAsked())

    @api.get("/jobs/{job}")
    def job(caller: Who, job: Job) -> JobSaid:
        """Return how far a job is, and what came of it."""
        return verbs.read_job(caller, JobAsked(job=job))

    @api.delete("/jobs/{job}", status_code=204)
    def forget(caller: Who, job: Job) -> None:
        """Stop a job, and forget what came of it."""
        verbs.forget_job(caller, JobAsked(job=job))

    zipped: dict[int | str, dict[str, Any]] = {
        200: {"content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}}}
    }

    @api.get("/jobs/{job}/file", response_class=Response, responses=zipped)
    def file(caller: Who, job: Job) -> Response:
        """Return the file that a job made, a zip."""
        content, name = verbs.read_file(caller, JobAsked(job=job))
        return Response(
            content,
            media_type="application/zip",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )


def _add_tools(api: FastAPI, tools: Tools) -> None:
    @api.post(MCP, include_in_schema=False)
    async def answer(caller: Who, request: Request) -> Response:
        answered = await tools.answer(caller, await request.json())
        return JSONResponse(answered) if answered is not None else Response(status_code=202)


def _add_error_answers(api: FastAPI) -> None:
    @api.exception_handler(MagicDemoError)
    async def say(_request: Request, error: MagicDemoError) -> Response:
        if isinstance(error, RefusedError):
            return answer_program(error)
        key, status = name_error(error)
        return say_error(key, str(error), status, {"Retry-After": "2"} if status == 429 else None)

    @api.exception_handler(RequestValidationError)
    async def say_where(_request: Request, error: RequestValidationError) -> Response:
        """Name the fields and what is wrong with them, never what came in them."""
        lines = [
            f"{'.'.join(map(str, one['loc'][1:])) or one['loc'][0]}: {one['msg']}" for one in error.errors()
        ]
        return say_error("invalid", "; ".join(lines)[:1000], 400)

    @api.exception_handler(HTTPException)
    async def say_refused(_request: Request, error: HTTPException) -> Response:
        return answer_program(
            RefusedError(error.status_code, "this cannot be answered; /api/v1/openapi.json says what can")
        )

    @api.exception_handler(Exception)
    async def say_fault(_request: Request, _error: Exception) -> Response:
        """Answer; what stands before everything logs it."""
        return say_error("fault", str(FAULT_LINE), 500)
