"""The verbs as tools of MCP: the same answers as over HTTP, under the same rules."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from magic_demo.__main__ import main
from magic_demo.api.tools import VERSIONS
from tests.api.doors import Doors, open_doors, wait_for
from tests.support.store.reviewed_cases import QUEUE


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    """Serve the API with the tools."""
    with open_doors(tmp_path_factory.mktemp("tools"), tools=True) as opened:
        yield opened


def send(doors: Doors, who: str, method: str, **parameters: Any) -> Any:
    message = {"jsonrpc": "2.0", "id": 7, "method": method, "params": parameters}
    answer = doors.ask(who, "POST", "/mcp", json=message)
    assert answer.status_code == 200, answer.text
    assert answer.json()["id"] in (7, None)
    return answer.json()


def call(doors: Doors, who: str, tool: str, /, **arguments: Any) -> Any:
    """Return what a tool says, which stands in its answer twice."""
    result = send(doors, who, "tools/call", name=tool, arguments=arguments)["result"]
    assert not result.get("isError"), result
    assert json.loads(result["content"][0]["text"]) == result["structuredContent"]
    return result["structuredContent"]


@pytest.mark.parametrize("asked", [*VERSIONS, "2024-01-01", None])
def test_a_version_that_is_known_is_spoken(doors: Doors, asked: str | None) -> None:
    told = send(doors, "Li", "initialize", protocolVersion=asked)["result"]
    assert told["protocolVersion"] == (asked if asked in VERSIONS else VERSIONS[0])
    assert told["serverInfo"]["name"] == "magic-demo" and told["capabilities"] == {"tools": {}}
    assert (
        doors.ask(
            "Li", "POST", "/mcp", json={"jsonrpc": "2.0", "method": "notifications/initialized"}
        ).status_code
        == 202
    )


def test_every_tool_says_what_it_does_and_takes(doors: Doors) -> None:
    tools = send(doors, "Li", "tools/list")["result"]["tools"]
    assert len(tools) == 11
    for tool in tools:
        assert tool["description"].endswith(".") and tool["inputSchema"]["type"] == "object", tool["name"]
        assert tool["inputSchema"]["additionalProperties"] is False


def test_tools_say_what_http_says(doors: Doors) -> None:
    assert call(doors, "Bo", "list_queues") == doors.get("Bo", "/queues")
    assert call(doors, "Li", "list_cases", queue=QUEUE)["total"] == 3
    assert len(call(doors, "Li", "list_reviews", queue=QUEUE, case="ENC00001")["reviews"]) == 4
    assert call(doors, "Bo", "list_reviews", queue=QUEUE, case="ENC00001")["reviews"] == []
    assert call(doors, "Li", "read_review", number=1)["reader"] == "Li"
    assert call(doors, "Bo", "read_progress", queue=QUEUE) == doors.get("Bo", "/progress", queue=QUEUE)
    assert call(doors, "Bo", "list_questions") == doors.get("Bo", "/questions")


def test_a_photo_is_sent_and_predicted(doors: Doors, tmp_path: Path) -> None:
    Image.new("RGB", (64, 48), (200, 140, 130)).save(tmp_path / "arm.png")
    content = base64.b64encode((tmp_path / "arm.png").read_bytes()).decode()
    photos = [{"name": "arm.png", "base64": content}]
    job = call(doors, "Li", "predict", photos=photos, narrative="itchy", consent="given")["job"]
    wait_for(doors.verbs.jobs.find(job, doors.numbers["Li"]))
    assert [mask["area"] for mask in call(doors, "Li", "read_job", job=job)["prediction"]["masks"]] == [
        64 * 48
    ]
    assert job in {one["job"] for one in call(doors, "Li", "list_jobs")["jobs"]}
    assert call(doors, "Li", "forget_job", job=job) == {}


@pytest.mark.parametrize(
    ("name", "arguments", "key"),
    [
        ("list_cases", {}, "invalid"),
        ("list_cases", {"queue": "nowhere"}, "no_queue"),
        ("list_cases", [], "invalid"),
        ("list_reviews", {"queue": "others", "case": "ENC00009"}, "not_assigned"),
        ("read_job", {"job": "thought-up"}, "no_job"),
        ("predict", {"narrative": "spots"}, "invalid"),
        ("predict", {"photos": [{"base64": "€"}], "consent": "given"}, "invalid"),
        ("predict", {"photos": [{"base64": "eA=="}] * 25, "consent": "given"}, "invalid"),
        ("predict", {"narrative": " ", "consent": "given"}, "nothing_to_predict"),
    ],
)
def test_what_goes_wrong_is_told_to_who_called(doors: Doors, name: str, arguments: Any, key: str) -> None:
    result = send(doors, "Li", "tools/call", name=name, arguments=arguments)["result"]
    assert result["isError"] and result["content"][0]["text"].startswith(f"{key}: ")


def test_a_message_that_is_none_is_refused(doors: Doors) -> None:
    assert send(doors, "Li", "resources/list")["error"]["code"] == -32601
    assert send(doors, "Li", "tools/call", name="delete_everything")["error"]["code"] == -32602
    assert doors.ask("Li", "POST", "/mcp", json={"id": 1}).json()["error"]["code"] == -32600
    assert doors.ask("Li", "POST", "/mcp", json=[1]).status_code == 400
    assert doors.ask("", "POST", "/mcp", json={}).status_code == 401
    assert doors.ask("Li", "GET", "/mcp").status_code == doors.ask("Li", "DELETE", "/mcp").status_code == 405


def test_the_tools_need_the_api(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--mcp", "--store", str(tmp_path)]) == 1
    assert "give --api too" in capsys.readouterr().err
