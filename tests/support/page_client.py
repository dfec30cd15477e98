"""The page without a browser: a reader who signs in, opens cases, asks the models and saves, over the
requests that Gradio's own client sends."""

from __future__ import annotations

import json
import re
import secrets
import threading
from collections.abc import Iterator
from typing import Any

import httpx

CONFIG = re.compile(r"window\.gradio_config = (\{.*?\});?\s*</script>", re.DOTALL)
API = "/gradio_api"


class PageClient:
    """One browser session. ``heard`` collects all that the server ever sent to it."""

    def __init__(self, address: str, name: str = "", password: str = "") -> None:
        self.http = httpx.Client(base_url=address, timeout=60, follow_redirects=True)
        self.session = secrets.token_hex(8)
        self.heard: list[str] = []
        if name:
            self._ok(self.http.post("/sign-in", data={"name": name, "password": password}))
        found = CONFIG.search(self._ok(self.http.get("/")))
        assert found is not None, "the page came without its settings"
        config = json.loads(found[1])
        elements = {one["id"]: one["props"].get("elem_id") for one in config["components"]}
        self._inputs = {
            one["id"]: [elements[number] for number in one["inputs"]] for one in config["dependencies"]
        }
        self._outputs = {
            one["id"]: [elements[number] for number in one["outputs"]] for one in config["dependencies"]
        }
        self._events = {
            (elements.get(target), event): (one["id"], target)
            for one in config["dependencies"]
            for target, event in one["targets"]
            if target
        }
        self._after = {
            one["trigger_after"]: one["id"]
            for one in config["dependencies"]
            if one.get("trigger_after") is not None
        }
        self._alive = threading.Thread(target=self._beat, daemon=True)
        self._alive.start()

    def send(self, element: str, event: str, told: dict[str, Any]) -> dict[str, Any]:
        """Send an event that is answered at once; returns what each element is told, by its id in the
        page."""
        number, target = self._events[element, event]
        answer = self._ok(self.http.post(f"{API}/run/predict", json=self._body(number, target, told, {})))
        return dict(zip(self._outputs[number], json.loads(answer)["data"], strict=False))

    def follow(self, element: str, event: str, **typed: str) -> Iterator[dict[str, Any]]:
        """Ask for what comes after an event (the analysis of a case), and yield Gradio's messages until it is
        complete."""
        number, target = self._events[element, event]
        after = self._after[number]
        self._ok(self.http.post(f"{API}/queue/join", json=self._body(after, target, None, typed)))
        with self.http.stream("GET", f"{API}/queue/data", params={"session_hash": self.session}) as stream:
            for line in stream.iter_lines():
                if not line.startswith("data:"):
                    continue
                self.heard.append(line)
                message = json.loads(line[5:])
                yield message
                if message.get("msg") in ("process_completed", "close_stream"):
                    return

    def list_events(self) -> dict[int, tuple[tuple[str, str], int]]:
        """Return each event's number -> the element and name that begin it, of one that follows another the
        empty element, and how many inputs it has."""
        names = {number: (element or "", event) for (element, event), (number, _) in self._events.items()}
        return {
            number: (names.get(number, ("", "then")), len(inputs)) for number, inputs in self._inputs.items()
        }

    def close(self) -> None:
        """Leave the page."""
        self.http.close()
        self._alive.join(5)

    def _body(
        self, number: int, target: int, told: dict[str, Any] | None, typed: dict[str, str]
    ) -> dict[str, Any]:
        data = [typed.get(element or "") for element in self._inputs[number]]
        return {
            "data": data,
            "event_data": told,
            "fn_index": number,
            "trigger_id": target,
            "session_hash": self.session,
        }

    def _ok(self, response: httpx.Response) -> str:
        self.heard.append(response.text)
        if response.status_code != 200:
            raise httpx.HTTPError(
                f"{response.request.method} {response.request.url.path}: {response.status_code} "
                f"{response.text[:200]}"
            )
        return response.text

    def _beat(self) -> None:
        """Keep the session open, as a browser's tab does."""
        try:
            with self.http.stream("GET", f"{API}/heartbeat/{self.session}", timeout=None) as stream:
                for _ in stream.iter_lines():
                    pass
        except (httpx.HTTPError, httpx.StreamError, RuntimeError):
            pass  # the page was left, or the server has stopped
