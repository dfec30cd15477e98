"""Where a chat model is asked, and how: retries that wait longer and longer, and nothing sent anywhere else."""

from __future__ import annotations

import ipaddress
import json
import random
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx

from magic_demo.core.errors import ReachError, one_line
from magic_demo.core.messages import Message

KEY_VARIABLE = "MAGIC_DEMO_CHAT_KEY"
TRIES = 6
FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0
MOST_REPLY = 2**20
"""Bytes of a reply."""
FORMATS = ("json_schema", "json_object", None)
"""How a reply is bound to the schema, the next where a server does not know one."""
AGAIN = {408, 409, 425, 429, 500, 502, 503, 504, 529}


@dataclass(frozen=True)
class Endpoint:
    """An OpenAI-compatible address up to its version (``http://127.0.0.1:8000/v1``), and the model to ask there.

    near: whether it is this machine, by a loopback address. seconds: that a reply may take.
    """

    url: str
    model: str
    key: str = field(default="", repr=False)
    seconds: float = 300.0

    @property
    def near(self) -> bool:
        """Return whether what is sent there stays on this machine."""
        host = urlsplit(self.url).hostname or ""
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"


@dataclass(frozen=True)
class Reply:
    """What a model wrote. tokens_in, tokens_out: as its server counts them, 0 where it does not."""

    text: str
    tokens_in: int = 0
    tokens_out: int = 0
    seconds: float = 0.0


def read_endpoint(url: str, model: str, environment: Mapping[str, str], seconds: float = 300.0) -> Endpoint:
    """Return an endpoint with its key from the environment. Raises ReachError for an address that is none."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.username or parts.password or parts.query or parts.fragment:
        raise ReachError(
            "{url}: an address such as http://127.0.0.1:8000/v1 is expected, without a name, password or "
            "question mark; a key belongs into {variable}",
            url=repr(url),
            variable=KEY_VARIABLE,
        )
    return Endpoint(url.rstrip("/"), model, environment.get(KEY_VARIABLE, "").strip(), seconds)


class ChatClient:
    """Asks one endpoint; safe to share between threads.

    transport: of httpx, for tests. sleep: waits before a call is tried again.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        tries: int = TRIES,
        sleep: Callable[[float], None] = time.sleep,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.endpoint, self.tries, self._sleep = endpoint, tries, sleep
        headers = {"Authorization": f"Bearer {endpoint.key}"} if endpoint.key else {}
        # without the environment's proxies: what goes to this machine must not go through another
        self._http = httpx.Client(
            headers=headers,
            timeout=httpx.Timeout(endpoint.seconds, connect=min(30.0, endpoint.seconds)),
            follow_redirects=False,
            trust_env=not endpoint.near,
            transport=transport,
        )
        self._format = 0
        self._lock = threading.Lock()

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def ask(self, body: Mapping[str, Any], schema: Mapping[str, Any] | None = None) -> Reply:
        """Return the reply to a chat completion. body: without the model. schema: of JSON that the reply is to be.

        A busy or silent server is asked again, ``tries`` times in all. Raises ReachError, one line, where it
        cannot be reached, refuses, or says something else than a chat completion.
        """
        problem = Message("it did not answer")
        for attempt in range(self.tries):
            at = self._format
            began = time.monotonic()
            try:
                answer = self._http.post(
                    f"{self.endpoint.url}/chat/completions", json=self._complete(body, schema, FORMATS[at])
                )
            except httpx.TransportError as error:
                problem = Message("{reason}", reason=one_line(error, 160) or type(error).__name__)
                self._wait(attempt, None)
                continue
            if answer.status_code in AGAIN:
                problem = Message("it answered {status}", status=answer.status_code)
                self._wait(attempt, answer.headers.get("Retry-After"))
                continue
            if answer.status_code in (400, 422) and schema is not None and FORMATS[at] is not None:
                with self._lock:  # others may have found out meanwhile
                    self._format = max(self._format, at + 1)
                return self.ask(body, schema)
            if answer.status_code != 200:
                raise ReachError(
                    "{url} refused with {status}: {said}",
                    url=self.endpoint.url,
                    status=answer.status_code,
                    said=" ".join(answer.text.split())[:200],
                )
            return self._read(answer, time.monotonic() - began)
        raise ReachError(
            "{url}: asked {tries} times without an answer ({problem}); what was answered is kept, the same "
            "command goes on",
            url=self.endpoint.url,
            tries=self.tries,
            problem=problem,
        )

    def _complete(
        self, body: Mapping[str, Any], schema: Mapping[str, Any] | None, how: str | None
    ) -> dict[str, Any]:
        asked = {"model": self.endpoint.model, **body}
        if schema is None or how is None:
            return asked
        form: dict[str, Any] = {"type": how}
        if how == "json_schema":
            form["json_schema"] = {"name": "answers", "strict": True, "schema": schema}
        return {**asked, "response_format": form}

    def _wait(self, attempt: int, asked: str | None) -> None:
        """Wait before the next try: as long as the server asks, else twice as long each time, within limits."""
        if attempt + 1 == self.tries:
            return
        usual = min(LONGEST_WAIT, FIRST_WAIT * 2.0**attempt) * random.uniform(0.5, 1.0)
        with suppress(ValueError):  # a date: the usual wait will do
            usual = max(usual, float(asked or 0))
        self._sleep(min(LONGEST_WAIT, usual))

    def _read(self, answer: httpx.Response, seconds: float) -> Reply:
        try:
            if len(answer.content) > MOST_REPLY:
                raise ValueError(f"{len(answer.content)} bytes")
            content = json.loads(answer.content)
            text = content["choices"][0]["message"]["content"] or ""
            usage = content.get("usage") or {}
            read, written = (int(usage.get(name) or 0) for name in ("prompt_tokens", "completion_tokens"))
            if not isinstance(text, str) or min(read, written) < 0:
                raise TypeError("no text")
        except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
            raise ReachError(
                "{url} answered with no chat completion ({reason}); an OpenAI-compatible address is expected",
                url=self.endpoint.url,
                reason=one_line(error, 120),
            ) from error
        return Reply(text, read, written, seconds)
