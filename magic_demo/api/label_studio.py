"""A machine learning backend for Label Studio: ``/health``, ``/setup`` and ``/predict`` as its documentation describes.

It reads photos of one folder alone, by the names in the tasks: no address of a task is ever fetched.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from threading import Lock
from typing import Any, Protocol
from urllib.parse import unquote
from xml.etree import ElementTree

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from magic_demo.core.errors import FormatError, MagicDemoError
from magic_demo.core.limits import LIMITS
from magic_demo.core.types import Encounter, EncounterFiles, Prediction
from magic_demo.files.library import read_photos
from magic_demo.questions.families import QuestionSet
from magic_demo.reviews.exports.label_studio.results import OUTLINE, PHOTO, make_prediction
from magic_demo.reviews.exports.label_studio.tasks import OWN

KEPT = 16
"""Predictions that are kept: each photo of a case is a task of its own, asked for on its own."""
USER = "magic-demo"


class Predicts(Protocol):
    """What answers: a Predictor, or what stands in for one."""

    @property
    def models(self) -> Mapping[str, str]:
        """Return task -> model id."""

    def predict(self, encounter: Encounter) -> Prediction:
        """Predict a case."""


class Backend:
    """Predicts the tasks whose photos lie in a folder.

    cases: of the folder. password: of ``USER``, None where nobody is asked for one.
    """

    def __init__(
        self,
        predictor: Predicts,
        cases: Iterable[EncounterFiles],
        questions: QuestionSet,
        *,
        password: str | None = None,
    ) -> None:
        self._predictor, self._questions, self._password = predictor, questions, password
        self._photos: dict[str, list[tuple[EncounterFiles, int]]] = {}
        for case in cases:
            for position, photo in enumerate(case.photo_files):
                self._photos.setdefault(photo.photo_id, []).append((case, position))
        self._kept: OrderedDict[str, Prediction] = OrderedDict()
        self._lock = Lock()

    @property
    def version(self) -> str:
        """Return the models' names."""
        return ", ".join(dict.fromkeys(self._predictor.models.values())) or "model"

    def app(self) -> Starlette:
        """Return the server's application."""
        return Starlette(
            routes=[
                Route("/", self._health),
                Route("/health", self._health),
                Route("/setup", self._setup, methods=["POST"]),
                Route("/predict", self._predict, methods=["POST"]),
                Route("/webhook", self._ignore, methods=["POST"]),
            ],
            exception_handlers={MagicDemoError: _refuse},
        )

    def predict_task(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """Return Label Studio's prediction of a task, empty where its photo is not in the folder."""
        found, case_id = self._photos.get(name_photo(task), []), name_case(task)
        # cases may share a photo
        named = [one for one in found if one[0].encounter_id == case_id] if case_id is not None else found
        if not named:
            return {"result": [], "score": 0.0, "model_version": self.version}
        case, position = named[0]
        said = make_prediction(
            self._predict_case(case),
            case.photo_files[position].photo_id,
            self._questions.labels[0].label_id,
            self._questions if position == 0 else None,
        )
        return {"result": [], "score": 1.0, "model_version": self.version, **(said[0] if said else {})}

    def _predict_case(self, case: EncounterFiles) -> Prediction:
        with self._lock:
            if case.encounter_id not in self._kept:
                self._kept[case.encounter_id] = self._predictor.predict(read_photos(case))
            self._kept.move_to_end(case.encounter_id)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
            return self._kept[case.encounter_id]

    async def _health(self, request: Request) -> Response:  # noqa: ARG002
        return JSONResponse({"status": "UP", "model_class": "MagicDemo", "model_version": self.version})

    async def _setup(self, request: Request) -> Response:
        if refused := self._ask_password(request):
            return refused
        check_interface(str((await _read(request)).get("schema") or ""), self._questions.labels[0].label_id)
        return JSONResponse({"model_version": self.version})

    async def _predict(self, request: Request) -> Response:
        if refused := self._ask_password(request):
            return refused
        tasks = (await _read(request)).get("tasks")
        if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
            raise FormatError("'tasks' is no list of tasks; send what Label Studio sends")
        results = [await run_in_threadpool(self.predict_task, task) for task in tasks]
        return JSONResponse({"results": results, "model_version": self.version})

    async def _ignore(self, request: Request) -> Response:
        """Take news of annotations, of which nothing is learnt here."""
        return self._ask_password(request) or JSONResponse({}, 201)

    def _ask_password(self, request: Request) -> Response | None:
        if self._password is None:
            return None
        sent = request.headers.get("authorization", "").encode()
        expected = b"Basic " + base64.b64encode(f"{USER}:{self._password}".encode())
        if secrets.compare_digest(sent, expected):
            return None
        return PlainTextResponse("name and password are needed", 401, {"WWW-Authenticate": "Basic"})


def name_photo(task: Mapping[str, Any]) -> str:
    """Return the photo id of a task: the one that our export wrote, else its picture's file name without ending."""
    photo_id = _read_own(task).get("photo_id")
    if isinstance(photo_id, str):
        return photo_id
    return PurePosixPath(unquote(str(_read_data(task).get("image", "")))).stem


def name_case(task: Mapping[str, Any]) -> str | None:
    """Return the case id that our export wrote into a task, None where it did not write it."""
    case_id = _read_own(task).get("case_id")
    return case_id if isinstance(case_id, str) else None


def _read_own(task: Mapping[str, Any]) -> dict[str, Any]:
    own = _read_data(task).get(OWN)
    return own if isinstance(own, dict) else {}


def _read_data(task: Mapping[str, Any]) -> dict[str, Any]:
    data = task.get("data")
    return data if isinstance(data, dict) else {}


def check_interface(schema: str, label: str) -> None:
    """Check that a project's labelling interface has the tags that predictions name, and the label that they are of.

    Raises FormatError where it has not; a project without any yet may be set up.
    """
    if not schema.strip() or "<!" in schema:
        return
    try:
        tags = list(ElementTree.fromstring(schema).iter())
    except ElementTree.ParseError as error:
        raise FormatError("the labelling interface is no XML ({reason})", reason=error) from error
    names = {tag.get("name") for tag in tags}
    if len(tags) > 1 and not {PHOTO, OUTLINE} <= names:
        raise FormatError(
            "the labelling interface lacks the tags {names}; set the one that "
            "python -m magic_demo label-studio --interface prints",
            names=[PHOTO, OUTLINE],
        )
    labels = [tag.get("value") for tag in tags if tag.tag == "Label"]
    if len(tags) > 1 and label not in labels:
        raise FormatError(
            "the labelling interface has the labels {labels} and not {label!r}, which the model outlines; set the one "
            "that python -m magic_demo label-studio --interface prints",
            labels=labels,
            label=label,
        )


async def _read(request: Request) -> dict[str, Any]:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > LIMITS.request_bytes:
            raise FormatError("more than {limit} bytes at once; send fewer tasks", limit=LIMITS.request_bytes)
    try:
        content = json.loads(bytes(body) or b"{}")
    except (ValueError, RecursionError) as error:
        raise FormatError("no JSON; send what Label Studio sends") from error
    if not isinstance(content, dict):
        raise FormatError("no JSON object; send what Label Studio sends")
    return content


async def _refuse(request: Request, error: Exception) -> Response:  # noqa: ARG001
    return JSONResponse({"error": str(error)}, 400)
