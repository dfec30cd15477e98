"""A stand-in of the Hugging Face Hub on this computer: it checks cards and takes repositories' files."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import yaml

TOKEN = "hf_of_the_stand_in"
OID = "1" * 40


@dataclass
class Hub:
    """What was sent. address: to be given as HF_ENDPOINT. cards: those that were checked, with their kind.
    repos: kind and name -> files. made: what each repository was asked to be."""

    address: str = ""
    cards: list[tuple[str, str]] = field(default_factory=list)
    repos: dict[str, dict[str, bytes]] = field(default_factory=dict)
    made: list[dict[str, Any]] = field(default_factory=list)
    stored: dict[str, bytes] = field(default_factory=dict)

    def check_card(self, content: str) -> str | None:
        """Return why a card is refused, as the Hub says of one without a licence or with results that are none."""
        values = yaml.safe_load(content.split("---\n")[1])
        if not isinstance(values.get("license"), str):
            return '{"errors":[{"message":"\\"license\\" must be a string"}]}'
        for model in values.get("model-index", []):
            if not all(result["task"]["type"] and result["metrics"] for result in model["results"]):
                return '{"errors":[{"message":"model-index is invalid"}]}'
        return None


def make_handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    """Return what answers requests for a stand-in."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self._read()
            path = self.path.partition("?")[0]
            if path == "/api/validate-yaml":
                sent = json.loads(body)
                refused = hub.check_card(sent["content"])
                hub.cards.append((sent["repoType"], sent["content"]))
                return self._answer(
                    {} if refused is None else json.loads(refused), 200 if refused is None else 400
                )
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                return self._answer({"error": "Invalid credentials"}, 401)
            if path == "/api/repos/create":
                asked = json.loads(body)
                hub.made.append(asked)
                name = (
                    f"{asked['organization']}/{asked['name']}"
                    if asked.get("organization")
                    else f"me/{asked['name']}"
                )
                prefix = "spaces/" if asked.get("type") == "space" else ""
                return self._answer({"url": f"{hub.address}/{prefix}{name}", "name": name})
            if "/preupload/" in path:
                return self._answer({"files": [self._mode(file) for file in json.loads(body)["files"]]})
            if path.endswith("/info/lfs/objects/batch"):
                return self._answer(
                    {
                        "transfer": "basic",
                        "objects": [self._place(one) for one in json.loads(body)["objects"]],
                    }
                )
            if "/commit/" in path:
                repo = path.split("/commit/")[0].removeprefix("/api/")
                self._commit(repo, body)
                url = f"{hub.address}/{repo.removeprefix('models/')}/commit/{OID}"
                return self._answer({"success": True, "commitUrl": url, "commitOid": OID})
            return self._answer({"error": f"unknown: {path}"}, 404)

        def do_PUT(self) -> None:
            content = self._read()
            hub.stored[hashlib.sha256(content).hexdigest()] = content
            self._answer({})

        def _mode(self, file: dict[str, Any]) -> dict[str, Any]:
            large = file["path"].endswith(".safetensors")
            return {"path": file["path"], "uploadMode": "lfs" if large else "regular", "shouldIgnore": False}

        def _place(self, one: dict[str, Any]) -> dict[str, Any]:
            return {
                **one,
                "authenticated": True,
                "actions": {"upload": {"href": f"{hub.address}/put/{one['oid']}"}},
            }

        def _commit(self, repo: str, body: bytes) -> None:
            files = hub.repos.setdefault(repo, {})
            for line in map(json.loads, body.splitlines()):
                value = line["value"]
                if line["key"] == "file":
                    files[value["path"]] = base64.b64decode(value["content"])
                elif line["key"] == "lfsFile":
                    files[value["path"]] = hub.stored[value["oid"]]

        def _read(self) -> bytes:
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))

        def _answer(self, content: dict[str, Any], status: int = 200) -> None:
            data = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@contextmanager
def open_hub() -> Iterator[Hub]:
    """Run a stand-in for as long as the block."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), make_handler(hub))
    hub.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
