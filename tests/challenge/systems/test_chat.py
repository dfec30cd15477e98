"""A chat model behind an address, here a stand-in on the loopback: what it is sent, what becomes of its replies,
what is asked again and what is not, and that nothing leaves the machine unasked."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from magic_demo.__main__ import main
from magic_demo.challenge.systems.chat.endpoint import ChatClient, Endpoint, read_endpoint
from magic_demo.challenge.systems.chat.kept_calls import KeptCalls, Price
from magic_demo.challenge.systems.chat.running import COSTS, ChatRun, ask_cases, plan_run
from magic_demo.challenge.systems.chat.sheets import read_sheet, write_schema
from magic_demo.challenge.systems.reading import read_system
from magic_demo.commands.systems.ask import confirm_upload
from magic_demo.core.errors import FormatError, ReachError
from magic_demo.files.bundles import read_prediction
from magic_demo.files.encounters import read_encounters
from magic_demo.questions.families import load_challenge
from tests.support.store.reviewed_cases import make_queue

ASKED = load_challenge()
SHEET = {
    family.family_id: family.options["en"][1]
    if len(family.questions) == 1
    else [family.options["en"][0], family.options["en"][1]]
    for family in ASKED.families
}
Says = Callable[[dict[str, Any]], Any]


class StandIn:
    """A server that says of each request what ``says`` returns: a text, or (status, headers)."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.says: Says = lambda _body: json.dumps(SHEET)
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                stand_in.requests.append({**body, "path": self.path, "key": self.headers["Authorization"]})
                said = stand_in.says(body)
                status, headers = said if isinstance(said, tuple) else (200, {})
                message = {"choices": [{"message": {"content": said}}], "usage": {"prompt_tokens": 100, "completion_tokens": 20}}  # fmt: skip
                data = b"refused" if status != 200 else json.dumps(message).encode()
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(data))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"
        threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        ).start()

    def client(self, seconds: float = 60.0, tries: int = 6) -> ChatClient:
        self.waits: list[float] = []
        return ChatClient(Endpoint(self.url, "m", "key", seconds), sleep=self.waits.append, tries=tries)

    def ask(self, text: str = "hello") -> str:
        return self.client().ask({"messages": [{"role": "user", "content": text}]}, {"type": "object"}).text


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    stand_in = StandIn()
    yield stand_in
    stand_in.server.shutdown()
    stand_in.server.server_close()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return make_queue(tmp_path / "data").folder


def cases_of(data: Path) -> Any:
    return read_encounters(data, "train").encounters


def test_answers_become_a_bundle_and_files_like_any_system_s(
    stand_in: StandIn, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["ask", str(data), "--split", "train", "--out", str(tmp_path / "out"), "--model", "tiny"]
    assert main([*words, "--endpoint", stand_in.url, "--price", "1", "10"]) == 0
    assert "3 calls (3 now), 300 tokens read, 60 written, cost 0.00" in capsys.readouterr().out
    prediction = read_prediction(tmp_path / "out" / "bundle", "ENC00001")
    assert prediction.models == {"cvqa": "tiny"}
    assert prediction.answers["CQID010-001"] == 1
    system = read_system(tmp_path / "out")
    assert system.encounter_ids == ("ENC00001", "ENC00002", "ENC00003") and not system.gives_masks
    sent = stand_in.requests[0]
    assert sent["path"] == "/v1/chat/completions" and sent["temperature"] == 0
    assert sent["response_format"]["json_schema"]["schema"] == write_schema(ASKED, "en")
    assert all(isinstance(message["content"], str) for message in sent["messages"]), "no photo was asked for"
    costs = json.loads((tmp_path / "out" / COSTS).read_text())
    assert (costs["calls"], costs["tokens_in"], costs["cost"]) == (3, 300, pytest.approx(0.0009))


def test_photos_are_described_first_and_what_is_written_is_kept(
    stand_in: StandIn, data: Path, tmp_path: Path
) -> None:
    def says(body: dict[str, Any]) -> str:
        return json.dumps(SHEET) if "JSON" in str(body["messages"]) else " A red spot. "

    stand_in.says = says
    run = ChatRun(ASKED, captions=True, parallel=1)
    ask_cases(cases_of(data)[:1], stand_in.client(), run, tmp_path / "out")
    captions = read_prediction(tmp_path / "out" / "bundle", "ENC00001").captions
    assert captions == {"IMG_ENC00001_00001": "A red spot.", "IMG_ENC00001_00002": "A red spot."}
    first, _, sheet = (request["messages"][0]["content"] for request in stand_in.requests)
    assert first[0]["image_url"]["url"].startswith("data:image/jpeg;base64,")
    assert isinstance(sheet, str) and sheet.count("A red spot.") == 2, "the captions join the words"


def test_a_busy_server_is_asked_again_after_the_wait_it_names(stand_in: StandIn) -> None:
    answers = iter([(429, {"Retry-After": "7"}), (503, {}), "fine"])
    stand_in.says = lambda _body: next(answers)
    client = stand_in.client()
    assert client.ask({"messages": []}).text == "fine"
    assert len(stand_in.requests) == 3 and stand_in.waits[0] == 7 and 0 < stand_in.waits[1] <= 2


def test_a_silent_server_is_asked_again_and_given_up_in_one_line(stand_in: StandIn) -> None:
    go_on = threading.Event()
    stand_in.says = lambda _body: str(go_on.wait(60))
    try:
        with pytest.raises(ReachError, match="asked 2 times without an answer") as refused:
            stand_in.client(seconds=0.3, tries=2).ask({"messages": []})
    finally:
        go_on.set()
    assert "\n" not in str(refused.value) and len(stand_in.waits) == 1


def test_a_server_that_knows_no_schema_is_asked_without_one(stand_in: StandIn) -> None:
    stand_in.says = lambda body: (400, {}) if "response_format" in body else "fine"
    assert stand_in.ask() == "fine"
    formats = [request.get("response_format", {}).get("type") for request in stand_in.requests]
    assert formats == ["json_schema", "json_object", None]


@pytest.mark.parametrize("status", [301, 401, 404])
def test_a_refusal_ends_the_run_and_a_redirect_is_not_followed(stand_in: StandIn, status: int) -> None:
    stand_in.says = lambda _body: (status, {"Location": "http://example.org/v1"})
    with pytest.raises(ReachError, match=f"refused with {status}"):
        stand_in.ask()
    assert len(stand_in.requests) == 1 and stand_in.requests[0]["key"] == "Bearer key"


def test_broken_json_is_asked_for_again_and_what_stays_broken_is_named(
    stand_in: StandIn, data: Path, tmp_path: Path
) -> None:
    def says(body: dict[str, Any]) -> str:
        if "ENC00002" in str(body):
            return "I would rather not."
        return f"```json\n{json.dumps(SHEET)}\n```" if len(body["messages"]) > 1 else json.dumps(SHEET)[:40]

    stand_in.says = says
    costs, problems = ask_cases(
        cases_of(data), stand_in.client(), ChatRun(ASKED, language="en"), tmp_path / "out"
    )
    assert costs.calls == 2 + 3 + 2
    assert len(problems) == 1 and "ENC00002" in problems[0] and "no JSON object" in problems[0]
    assert read_prediction(tmp_path / "out" / "bundle", "ENC00002").answers == {}
    assert "ENC00002" in (tmp_path / "out" / "data_cvqa_sys.json").read_text(), "the file stays whole"


def test_a_run_that_was_killed_goes_on_and_asks_nothing_twice(
    stand_in: StandIn, data: Path, tmp_path: Path
) -> None:
    run, out = ChatRun(ASKED, parallel=1, price=Price(1, 1)), tmp_path / "out"

    def stop(done: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ask_cases(cases_of(data), stand_in.client(), run, out, stop)
    before = len(stand_in.requests)
    damaged = next(iter((out / "calls").glob("*.json")))
    damaged.write_text(damaged.read_text()[:10])
    costs, _ = ask_cases(cases_of(data), stand_in.client(), run, out)
    assert len(stand_in.requests) == 3 + 1, "one more: the file that was cut"
    assert (costs.calls, costs.calls_now) == (3, 4 - before) and costs.tokens_in == 300
    with pytest.raises(FormatError, match="holds no earlier run"):
        ask_cases(cases_of(data), stand_in.client(), run, data)


def test_as_many_calls_run_at_once_as_are_asked_for(stand_in: StandIn, data: Path, tmp_path: Path) -> None:
    all_there, lock, running, most = threading.Barrier(3), threading.Lock(), 0, 0

    def says(_body: dict[str, Any]) -> str:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        if parallel == 3:
            all_there.wait(60)  # broken, and the call refused, where one is asked after another
        with lock:
            running -= 1
        return json.dumps(SHEET)

    stand_in.says = says
    for parallel in (3, 1):
        most = 0
        ask_cases(
            cases_of(data), stand_in.client(), ChatRun(ASKED, parallel=parallel), tmp_path / str(parallel)
        )
        assert most == parallel and len(read_system(tmp_path / str(parallel)).encounter_ids) == 3


def test_a_dry_run_counts_and_asks_nothing(stand_in: StandIn, data: Path, tmp_path: Path) -> None:
    client, run = stand_in.client(), ChatRun(ASKED, photos=True, captions=True)
    plan = plan_run(cases_of(data), client, run, tmp_path / "out")
    assert (plan.calls, plan.kept, plan.photos) == (4 + 3, 0, 8) and plan.tokens_in > 1000
    words = [
        "ask",
        str(data),
        "--split",
        "train",
        "--out",
        str(tmp_path / "out"),
        "--model",
        "m",
        "--dry-run",
    ]
    assert main([*words, "--endpoint", "https://vendor.example/v1"]) == 0
    assert not stand_in.requests and not (tmp_path / "out").exists()


class Typist:
    """Types one text, whatever is asked."""

    def __init__(self, typed: str) -> None:
        self.typed = typed

    def __call__(self, _question: str) -> str:
        return self.typed


@pytest.mark.parametrize(
    ("url", "near"),
    [
        ("http://127.0.0.1:8000/v1", True),
        ("http://[::1]:8000/v1", True),
        ("http://localhost/v1", True),
        ("http://localhost.example.org/v1", False),
        ("http://10.0.0.1/v1", False),
        ("http://127.0.0.1.example.org/v1", False),
    ],
)
def test_only_a_loopback_address_is_this_machine(url: str, near: bool) -> None:
    assert read_endpoint(url, "m", {}).near is near


def test_what_leaves_the_machine_is_asked_for_twice(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["ask", str(data), "--split", "train", "--out", str(tmp_path / "out"), "--model", "m"]
    assert main([*words, "--endpoint", "https://vendor.example/v1", "--photos"]) == 1
    assert "patients' words and photos would be sent there; add --allow-upload" in capsys.readouterr().err
    far = Endpoint("https://vendor.example/v1", "m")
    for typed, terminal in (("yes", True), ("vendor.example", False)):
        with pytest.raises(ReachError):
            confirm_upload(far, photos=True, allowed=True, ask=Typist(typed), terminal=terminal)
    confirm_upload(far, photos=True, allowed=True, ask=Typist("Vendor.example"), terminal=True)


@pytest.mark.parametrize(
    "url", ["ftp://x/v1", "http://name:word@host/v1", "http:///v1", "http://host/v1?key=1"]
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ReachError, match="an address such as"):
        read_endpoint(url, "m", {})


def test_a_key_is_kept_nowhere(stand_in: StandIn, tmp_path: Path) -> None:
    endpoint = read_endpoint(stand_in.url, "m", {"MAGIC_DEMO_CHAT_KEY": "s3cret"})
    calls = KeptCalls(tmp_path)
    calls.ask(ChatClient(endpoint), {"messages": [{"role": "user", "content": "words of a patient"}]})
    assert "s3cret" not in repr(endpoint) and stand_in.requests[0]["key"] == "Bearer s3cret"
    kept = "".join(path.read_text() + path.name for path in tmp_path.iterdir())
    assert "s3cret" not in kept and "patient" not in kept


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({}, ""),
        ({"CQID010": "nonsense"}, "options of CQID010 are missing, unknown or too many"),
        ({"CQID010": None}, "options of CQID010 are missing, unknown or too many"),
        ({"CQID011": ["head", "the moon"]}, "options of CQID011 are missing, unknown or too many"),
        (
            {"CQID011": [option.strip() for option in ASKED.family("CQID011").options["en"]]},
            "options of CQID011 are missing, unknown or too many",
        ),
        ({"CQID011": []}, ""),
    ],
)
def test_what_a_reply_does_not_say_is_named(changed: dict[str, Any], problem: str) -> None:
    answers, said = read_sheet(json.dumps({**SHEET, **changed}), ASKED, "en")
    assert said == problem
    family = ASKED.family("CQID011")
    if changed == {"CQID011": []}:
        assert {answers[question.qid] for question in family.questions} == {family.padding}


def test_what_one_model_said_is_not_taken_for_anothers(stand_in: StandIn, tmp_path: Path) -> None:
    calls = KeptCalls(tmp_path)
    body: dict[str, Any] = {"messages": []}
    for model, kept in (("one", 1), ("one", 1), ("two", 2)):
        calls.ask(ChatClient(Endpoint(stand_in.url, model)), body)
        assert len(stand_in.requests) == len(list(tmp_path.iterdir())) == kept
