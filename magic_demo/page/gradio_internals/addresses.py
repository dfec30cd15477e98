"""Addresses that Gradio's client asks for, and the names of the fields in what it sends."""

from __future__ import annotations

import re
from collections.abc import Mapping

SEND_EVENT = r"/gradio_api/(queue/join|run/predict)"
CANCEL_EVENT = r"/gradio_api/cancel"
STREAM = r"/gradio_api/queue/data"
HEARTBEAT = r"/gradio_api/heartbeat/[^/]+"
APP_ID = r"/gradio_api/app_id"
STARTUP = r"/gradio_api/startup-events"
"""Gradio asks itself for it when it starts."""
FILES = r"/(assets|static)/.+"
PAGE_FILES = r"/(theme\.css|favicon\.ico|robots\.txt|manifest\.json)"
OWN_FOLDERS = frozenset({"assets", "static", "gradio_api"})
"""First parts of Gradio's addresses."""

SESSION = "session_hash"
NUMBER = "fn_index"
TRIGGER = "trigger_id"
INPUTS = "data"
PAYLOAD = "event_data"
EVENT = "event_id"

_NUMBER = re.compile(rb'"fn_index"\s*:\s*(\d{1,6})\s*[,}]')
_HEARTBEAT = re.compile(HEARTBEAT)


def find_event_number(body: bytes) -> int | None:
    """Return the event's number in a body that nobody has parsed yet; None where it stands there not once."""
    found = _NUMBER.findall(body)
    return int(found[0]) if len(found) == 1 else None


def find_session(path: str, query: Mapping[str, str]) -> str | None:
    """Return the session that an address names, None where it names none."""
    if _HEARTBEAT.fullmatch(path):
        return path.rpartition("/")[2]
    return query.get(SESSION, "") if path == STREAM else None


def is_sent_by_itself(path: str) -> bool:
    """Return whether Gradio's client asks for an address while nobody touches the page."""
    return path.startswith(("/gradio_api/heartbeat/", APP_ID))
