"""Calls that were answered, on disk: a run goes on where it was killed, and what it cost is counted."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from magic_demo.challenge.systems.chat.endpoint import MOST_REPLY, ChatClient, Endpoint, Reply
from magic_demo.core.disk.user_files import read_user_text
from magic_demo.core.disk.whole_files import write_json


@dataclass(frozen=True)
class Price:
    """What a million tokens cost, read and written, in whatever currency."""

    read: float = 0.0
    written: float = 0.0

    def of(self, tokens_in: int, tokens_out: int) -> float:
        """Return what so many tokens cost."""
        return (tokens_in * self.read + tokens_out * self.written) / 1e6


@dataclass(frozen=True)
class Costs:
    """What a run's answers took, those of earlier runs included. calls_now: of them in this run. seconds: the
    sum over the calls, however many ran at once."""

    calls: int = 0
    calls_now: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    seconds: float = 0.0


class KeptCalls:
    """A folder with one file a call, named by a digest of what was asked; neither words nor photos of a case
    are in it, only what the model wrote. Safe to share between threads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.costs = Costs()
        self._lock = threading.Lock()

    def find(self, endpoint: Endpoint, body: Mapping[str, Any]) -> Reply | None:
        """Return the reply that was kept; None where there is none, or it cannot be read."""
        try:
            kept = json.loads(read_user_text(self._path(endpoint, body), MOST_REPLY * 2))
            return Reply(
                str(kept["text"]), int(kept["tokens_in"]), int(kept["tokens_out"]), float(kept["seconds"])
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def ask(
        self, client: ChatClient, body: Mapping[str, Any], schema: Mapping[str, Any] | None = None
    ) -> Reply:
        """Return the kept reply, or else ask and keep it. Raises ReachError."""
        kept = self.find(client.endpoint, body)
        reply = kept or client.ask(body, schema)
        if kept is None:
            write_json(self._path(client.endpoint, body), asdict(reply), indent=None)
        with self._lock:
            costs = self.costs
            self.costs = Costs(
                costs.calls + 1,
                costs.calls_now + (kept is None),
                costs.tokens_in + reply.tokens_in,
                costs.tokens_out + reply.tokens_out,
                costs.seconds + reply.seconds,
            )
        return reply

    def _path(self, endpoint: Endpoint, body: Mapping[str, Any]) -> Path:
        asked = json.dumps([endpoint.url, endpoint.model, body], sort_keys=True)
        return self.folder / f"{hashlib.sha256(asked.encode()).hexdigest()[:32]}.json"
