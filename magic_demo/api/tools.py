"""The verbs as tools of the Model Context Protocol (MCP), over its Streamable HTTP: one message in, one answer out.

No session is kept and nothing is streamed, so that the protocol is these few messages: docs/decisions/api.md
says why they are written here.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool

from magic_demo.api.errors import ApiError, name_error
from magic_demo.api.predicting import SentPhoto
from magic_demo.api.shapes import (
    CaseAsked,
    CasesAsked,
    ExportAsked,
    JobAsked,
    NothingAsked,
    NumberAsked,
    PredictToolAsked,
    QuestionsAsked,
    QueueAsked,
)
from magic_demo.api.verbs import Caller, Verbs
from magic_demo.core.errors import MagicDemoError
from magic_demo.core.version import __version__
from magic_demo.page.session.arrivals import clean_name

VERSIONS = ("2025-11-25", "2025-06-18", "2025-03-26")
"""Of the protocol, newest first: all of them speak like this where there is neither session nor stream."""
ABOUT = (
    "Skin cases: where a model finds the lesion, how it answers closed questions, and what readers say of them. "
    "Predict, then read the job until it is done. Research use only; not a medical device."
)
BAD_MESSAGE, NO_METHOD, BAD_PARAMETERS = -32600, -32601, -32602

Message = dict[str, Any]
Do = Callable[[Caller, Any], BaseModel]


@dataclass(frozen=True)
class Tool:
    """A verb: what it is called, what it takes, what it does. reads: whether it changes nothing."""

    name: str
    takes: type[BaseModel]
    do: Do
    reads: bool

    def describe(self) -> Message:
        """Return the tool as it is listed."""
        about = " ".join((self.do.__doc__ or "").split())
        return {
            "name": self.name,
            "description": about,
            "inputSchema": {"type": "object", **self.takes.model_json_schema()},
            "annotations": {"readOnlyHint": self.reads},
        }


class Tools:
    """What is answered to each message. verbs: those behind HTTP."""

    def __init__(self, verbs: Verbs) -> None:
        self._verbs = verbs
        self._tools = {
            tool.name: tool
            for tool in (
                Tool("list_questions", QuestionsAsked, verbs.questions, True),
                Tool("list_queues", NothingAsked, verbs.list_queues, True),
                Tool("list_cases", CasesAsked, verbs.list_cases, True),
                Tool("list_reviews", CaseAsked, verbs.list_reviews, False),
                Tool("read_review", NumberAsked, verbs.read_review, False),
                Tool("read_progress", QueueAsked, verbs.read_progress, True),
                Tool("predict", PredictToolAsked, self._predict, False),
                Tool("export", ExportAsked, verbs.export, False),
                Tool("list_jobs", NothingAsked, verbs.list_jobs, True),
                Tool("read_job", JobAsked, verbs.read_job, True),
                Tool("forget_job", JobAsked, verbs.forget_job, False),
            )
        }

    async def answer(self, caller: Caller, message: Message) -> Message | None:
        """Return the answer to a message, None where it asks for none."""
        number, method = message.get("id"), message.get("method")
        if "id" not in message and isinstance(method, str):
            return None
        if type(number) not in (int, str) or not isinstance(method, str) or message.get("jsonrpc") != "2.0":
            return _refuse(None, BAD_MESSAGE, "a request of JSON-RPC 2.0 is expected")
        parameters = message.get("params")
        asked = parameters if isinstance(parameters, dict) else {}
        if method == "initialize":
            version = asked.get("protocolVersion")
            return _answer(
                number,
                {
                    "protocolVersion": version if version in VERSIONS else VERSIONS[0],
                    "capabilities": {"tools": {}},
                    "serverInfo": {"name": "magic-demo", "version": __version__},
                    "instructions": ABOUT,
                },
            )
        if method == "ping":
            return _answer(number, {})
        if method == "tools/list":
            return _answer(number, {"tools": [tool.describe() for tool in self._tools.values()]})
        if method != "tools/call":
            return _refuse(number, NO_METHOD, "this server has tools alone")
        tool = self._tools.get(str(asked.get("name")))
        if tool is None:
            return _refuse(
                number, BAD_PARAMETERS, "there is no such tool; tools/list names those that there are"
            )
        return _answer(number, await _call(tool, caller, asked.get("arguments") or {}))

    def _predict(self, caller: Caller, asked: PredictToolAsked) -> BaseModel:
        """Begin a prediction of photos, the patient's words, or both; read_job says when it is done, and what
        came of it."""
        try:
            photos = [
                SentPhoto(clean_name(photo.name), base64.b64decode(photo.base64, validate=True))
                for photo in asked.photos
            ]
        except (binascii.Error, ValueError) as error:
            raise ApiError("invalid", "base64: the photo's bytes are expected, in base64") from error
        job = self._verbs.make_room(caller, sum(len(photo.data) for photo in photos))
        try:
            return self._verbs.predict(caller, asked, photos, job)
        except BaseException:
            self._verbs.jobs.forget(job.id, caller.token)
            raise


async def _call(tool: Tool, caller: Caller, arguments: object) -> Message:
    """Return what a tool says, or what went wrong: which a model that called it can mend."""
    try:
        asked = tool.takes.model_validate(arguments)
        said = await run_in_threadpool(tool.do, caller, asked)
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
        return _fail("invalid", "; ".join(lines)[:1000])
    except MagicDemoError as error:
        return _fail(name_error(error)[0], str(error))
    told = said.model_dump(mode="json", exclude_none=True)
    return {
        "content": [{"type": "text", "text": json.dumps(told, ensure_ascii=False)}],
        "structuredContent": told,
    }


def _fail(key: str, line: str) -> Message:
    return {"content": [{"type": "text", "text": f"{key}: {line}"}], "isError": True}


def _answer(number: object, result: Message) -> Message:
    return {"jsonrpc": "2.0", "id": number, "result": result}


def _refuse(number: object, code: int, line: str) -> Message:
    return {"jsonrpc": "2.0", "id": number, "error": {"code": code, "message": line}}
