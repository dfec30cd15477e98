"""The audience board's pages and what their browsers ask for: plain routes with small JSON, light enough for
a room full of phones.

    GET  /board                       the presenter's page          GET  /join                    a
    participant's page GET  /board/photos/CASE/N.jpg     a bundled case's photo        GET
    /board/join.svg?at=URL   the address to join as a QR code POST /board/open    {}
                   -> {"code", "key", "alone", "host"} POST /board/stand   {"code", "key"}
            -> what the board shows, ``_standing_value`` POST /board/turn    {"code", "key", "case", "index"}
              -> the same, of another question POST /board/reveal  {"code", "key"}
    -> the same, with the model's answer POST /board/close   {"code", "key"}                             -> {}
    POST /board/join    {"code"}                                    -> {"participant"} POST /board/sit
    {"code", "participant"}                     -> {"case", "index", "open", "own"} POST /board/answer
    {"code", "participant", "case", "index", "option"}   -> the same

What cannot be done is said as {"reason", "error": {"en", "zh"}} with a status of 400 and above. Only the bundled synthetic
cases are shown to an audience: a patient's photo does not belong on other people's phones.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from magic_demo.core.disk.whole_text import mend_json
from magic_demo.core.errors import BoardError
from magic_demo.page.server.reach import is_near
from magic_demo.page.session.inference.source import PredictorSource
from magic_demo.page.session.rate_limit import RateLimit
from magic_demo.page.texts.i18n import line_in_both
from magic_demo.page.workshop.board.answers import ModelAnswers
from magic_demo.page.workshop.board.pages import draw_code, encode_jpeg, render_board, render_join
from magic_demo.page.workshop.room import Board, Standing
from magic_demo.questions.families import QuestionSet
from magic_demo.synthetic.bundled import Example

LONGEST_BODY = 1024
LONGEST_ADDRESS = 120
STATUS = {"gone": 404, "full": 409, "closed": 409, "invalid": 400, "often": 429}
Fields = Mapping[str, Any]


def list_board_routes(
    source: PredictorSource, examples: Sequence[Example], questions: QuestionSet, host: str = "127.0.0.1"
) -> list[Route]:
    """Return the routes of a board over the bundled cases. host: what the server listens on, to say whether
    phones can join."""
    page = BoardPage(source, examples, questions, host)
    posts: dict[str, Callable[[Fields], dict[str, Any]]] = {
        "open": page.open,
        "stand": page.stand,
        "turn": page.turn,
        "reveal": page.reveal,
        "close": page.close,
        "join": page.join,
        "sit": page.sit,
        "answer": page.answer,
    }
    return [
        Route("/board", _page(lambda: render_board(examples, questions))),
        Route("/join", _page(lambda: render_join(examples, questions))),
        Route("/board/join.svg", _send_code),
        Route("/board/photos/{case:int}/{number:int}.jpg", _photos(examples)),
        *(Route(f"/board/{name}", _post(name, does), methods=["POST"]) for name, does in posts.items()),
    ]


class BoardPage:
    """What the routes do, each a few lines over the board."""

    def __init__(
        self, source: PredictorSource, examples: Sequence[Example], questions: QuestionSet, host: str
    ) -> None:
        self.families = questions.families
        self.host = host
        self.board = Board([len(family.options["en"]) for family in self.families], len(examples))
        self.models = ModelAnswers(source, [example.encounter for example in examples], questions)

    def open(self, _fields: Fields) -> dict[str, Any]:
        """Open a room, and let the model look at its first case meanwhile."""
        self.models.ask(0)
        return {**asdict(self.board.open()), "alone": is_near(self.host), "host": find_address(self.host)}

    def stand(self, fields: Fields) -> dict[str, Any]:
        """Return what the board shows."""
        return self._standing_value(self.board.stand(_text(fields, "code"), _text(fields, "key")))

    def turn(self, fields: Fields) -> dict[str, Any]:
        """Ask another question."""
        case, index = _number(fields, "case"), _number(fields, "index")
        standing = self.board.turn(_text(fields, "code"), _text(fields, "key"), case=case, index=index)
        self.models.ask(case)
        return self._standing_value(standing)

    def reveal(self, fields: Fields) -> dict[str, Any]:
        """Show the model's answer."""
        return self._standing_value(self.board.reveal(_text(fields, "code"), _text(fields, "key")))

    def close(self, fields: Fields) -> dict[str, Any]:
        """Forget the room."""
        self.board.close(_text(fields, "code"), _text(fields, "key"))
        return {}

    def join(self, fields: Fields) -> dict[str, Any]:
        """Let a browser take part."""
        return {"participant": self.board.join(_text(fields, "code"))}

    def sit(self, fields: Fields) -> dict[str, Any]:
        """Return what a participant is asked."""
        return asdict(self.board.sit(_text(fields, "code"), _text(fields, "participant")))

    def answer(self, fields: Fields) -> dict[str, Any]:
        """Take a participant's answer."""
        numbers = {name: _number(fields, name) for name in ("case", "index", "option")}
        return asdict(self.board.answer(_text(fields, "code"), _text(fields, "participant"), **numbers))

    def _standing_value(self, standing: Standing) -> dict[str, Any]:
        """Return a standing as JSON; ``model`` is None until it is revealed, ``model_state`` how far the
        model is."""
        family = self.families[standing.index].family_id
        state, answers = self.models.look(standing.case)
        model = answers.get(family) if standing.revealed else None
        with_model = None
        if model is not None and standing.answered:
            with_model = sum(standing.counts[option] for option in model["chosen"]) / standing.answered
        return {
            **asdict(standing),
            "answered": standing.answered,
            "model": model,
            "model_state": state,
            "with_model": with_model,
        }


def _page(render: Callable[[], str]) -> Callable[[Request], Awaitable[Response]]:
    async def send(_request: Request) -> Response:
        return HTMLResponse(render())

    return send


def _photos(examples: Sequence[Example]) -> Callable[[Request], Awaitable[Response]]:
    async def send(request: Request) -> Response:
        case, number = request.path_params["case"], request.path_params["number"]
        if case >= len(examples) or number >= len(examples[case].encounter.photos):
            return Response(status_code=404)
        return Response(
            encode_jpeg(examples[case].encounter.photos[number]),
            media_type="image/jpeg",
            headers={"Cache-Control": "max-age=3600"},
        )

    return send


async def _send_code(request: Request) -> Response:
    address = request.query_params.get("at", "")
    if len(address) > LONGEST_ADDRESS or urlsplit(address).scheme not in {"http", "https"}:
        return Response(status_code=400)
    return Response(
        draw_code(address),
        media_type="image/svg+xml",
        headers={"Content-Security-Policy": "default-src 'none'"},
    )


LIMITS = {
    "open": (6, 0.2),
    "join": (60, 1.0),
    "answer": (120, 20.0),
    "turn": (40, 5.0),
    "reveal": (40, 5.0),
    "close": (40, 5.0),
}
"""Request -> how many at once and how many a second for long, for one computer: 60 browsers on one laptop may
join at once."""
LOOKS = (600, 300.0)
"""The same for what asks and changes nothing, once a second in every browser."""


def _post(name: str, does: Callable[[Fields], dict[str, Any]]) -> Callable[[Request], Awaitable[Response]]:
    limit = RateLimit(*LIMITS.get(name, LOOKS))

    async def answer(request: Request) -> Response:
        try:
            if not limit.allows(request.client.host if request.client is not None else ""):
                raise BoardError("often", "too many requests at once; wait a moment")
            return JSONResponse(does(await _read_fields(request)))
        except BoardError as error:
            return JSONResponse(
                {"reason": error.reason, "error": line_in_both(error.message)}, STATUS[error.reason]
            )

    return answer


async def _read_fields(request: Request) -> Fields:
    """Read a small JSON object. Its content type is one that a form cannot send."""
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        raise BoardError("invalid", "a body of type application/json is expected")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_BODY:
            raise BoardError("invalid", "the body is longer than {limit} bytes", limit=LONGEST_BODY)
    try:
        fields = json.loads(mend_json(body.decode("utf-8", "replace")))
    except (ValueError, RecursionError) as error:
        raise BoardError("invalid", "the body is not JSON") from error
    if not isinstance(fields, dict):
        raise BoardError("invalid", "a JSON object is expected, not {came}", came=type(fields).__name__)
    return fields


def _text(fields: Fields, name: str, longest: int = 40) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or len(value) > longest:
        raise BoardError(
            "invalid", "{name!r} must be a text of at most {longest} characters", name=name, longest=longest
        )
    return value


def _number(fields: Fields, name: str) -> int:
    value = fields.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise BoardError("invalid", "{name!r} must be a whole number", name=name)
    return value


def find_address(host: str) -> str | None:
    """Return the address under which the room's network finds this computer, None where the server listens on
    no more than itself."""
    if is_near(host):
        return None
    if host not in {"0.0.0.0", "::", ""}:
        return host
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
        try:
            # sends nothing: it only asks which of this computer's addresses leads outside
            way.connect(("192.0.2.1", 9))
        except OSError:
            return None
        return str(way.getsockname()[0])
