"""Other computers are let in only where passwords keep strangers out, and the internet only after two
answers."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from magic_demo.commands import serve
from magic_demo.core.errors import ReachError, StoreError
from magic_demo.page.build import Desk
from magic_demo.page.server.reach import SHARE_QUESTIONS, check_reach, confirm_share
from magic_demo.page.session.sign_in.sign_ins import SignIns
from magic_demo.reviews.store import LOCAL_READER, Store, default_location
from magic_demo.synthetic.bundled import load_examples


def _read_arguments(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    serve.add_arguments(parser)
    return parser.parse_args(words)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path) as store:
        yield store


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.8.8.8"])
def test_a_page_for_this_computer_alone_needs_nothing(host: str) -> None:
    assert check_reach(host, Desk(), {}) == []


def test_a_page_below_a_proxys_path_needs_passwords_on_this_computer_too(store: Store) -> None:
    with pytest.raises(ReachError, match=r"--root-path /demo: .*readers add NAME"):
        check_reach("127.0.0.1", Desk(store), {}, root_path="/demo")
    store.add_reader("Ann", password="a long password")
    assert check_reach("127.0.0.1", Desk(store, sign_ins=SignIns(store)), {}, root_path="/demo")[
        0
    ].startswith("warning")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "clinic.example"])
def test_others_are_let_in_with_passwords_alone_and_it_is_said(host: str, store: Store) -> None:
    for desk in (Desk(), Desk(store), Desk(store, sign_ins=SignIns(store))):
        with pytest.raises(ReachError, match=f"--host {host}: .*readers add NAME"):
            check_reach(host, desk, {})
    store.add_reader("Ann", password="a long password")
    (line,) = check_reach(host, Desk(store, sign_ins=SignIns(store)), {})
    assert line.startswith("warning: other computers") and "https" in line


def test_a_space_that_keeps_nothing_is_for_everybody_and_one_that_keeps_cases_is_not(
    store: Store, tmp_path: Path
) -> None:
    space = {"SPACE_ID": "somebody/magic-demo"}
    (line,) = check_reach("0.0.0.0", Desk(public=True), space)
    assert "no photos of patients" in line
    for desk in (Desk(store), Desk(), Desk(store_location=str(tmp_path / "later"))):
        with pytest.raises(ReachError):
            check_reach("0.0.0.0", desk, space)
    with pytest.raises(ReachError):
        check_reach("0.0.0.0", Desk(public=True), {})


def test_a_public_desk_has_no_store_and_gets_none(store: Store, tmp_path: Path) -> None:
    for store_or_place in ({"store": store}, {"store_location": str(tmp_path)}):
        with pytest.raises(ValueError, match="keeps nothing"):
            Desk(public=True, **store_or_place)
    example = load_examples()[0].encounter
    with pytest.raises(StoreError, match="open to everybody and keeps nothing"):
        Desk(public=True).keep_case(example, LOCAL_READER, example=example)


@pytest.mark.parametrize(
    ("variables", "options", "opened"),
    [
        ({"SPACE_ID": "a/b"}, [], "public"),
        ({"SPACE_ID": "a/b"}, ["--guide"], "public"),
        ({"SPACE_ID": "a/b"}, ["--sign-in"], "store"),
        ({"SPACE_ID": "a/b", "MAGIC_DEMO_STORE": "named"}, [], "nothing"),
        ({"SPACE_ID": "a/b"}, ["--store", "named"], "store"),
        ({}, ["--host", "0.0.0.0"], "nothing"),
        ({}, ["--share"], "nothing"),
        ({}, ["--share", "--guide"], "nothing"),
        ({}, ["--root-path", "/demo"], "nothing"),
        ({"GRADIO_ROOT_PATH": "/demo"}, ["--guide"], "nothing"),
        ({}, [], "place"),
    ],
    ids=[
        "space",
        "space-guide",
        "space-sign-in",
        "space-named",
        "space-store",
        "host",
        "share",
        "share-guide",
        "below",
        "below-guide",
        "near",
    ],
)
def test_where_others_come_a_store_is_opened_at_the_start_or_never(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    options: list[str],
    opened: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("SPACE_ID", "MAGIC_DEMO_STORE", "GRADIO_ROOT_PATH"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    host = ["--host", "0.0.0.0"] if variables.get("SPACE_ID") else []
    desk = serve.open_desk(_read_arguments(*host, *options))
    if desk.store is not None:
        desk.store.close()
    found = {"public": desk.public, "store": desk.store is not None, "place": desk.store_location is not None}
    assert [name for name, there in found.items() if there] == ([opened] if opened != "nothing" else [])


def test_a_space_without_a_store_ignores_what_an_earlier_run_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MAGIC_DEMO_STORE", raising=False)
    monkeypatch.setenv("SPACE_ID", "a/b")
    Store.open(default_location()).close()
    desk = serve.open_desk(_read_arguments("--host", "0.0.0.0"))
    assert desk.public and check_reach("0.0.0.0", desk, {"SPACE_ID": "a/b"})


def test_sharing_needs_passwords_on_any_host_and_a_space_as_well(store: Store) -> None:
    for desk in (Desk(), Desk(store)):
        for environment in ({}, {"SPACE_ID": "somebody/magic-demo"}):
            with pytest.raises(ReachError, match="--share: "):
                check_reach("127.0.0.1", desk, environment, share=True)


def test_sharing_is_confirmed_by_two_words(capsys: pytest.CaptureFixture[str]) -> None:
    words = [word for _, word in SHARE_QUESTIONS]
    asked: list[str] = []
    answers = iter(words)

    def ask(question: str) -> str:
        asked.append(question)
        return next(answers)

    confirm_share(ask, terminal=True)
    assert asked == [question for question, _ in SHARE_QUESTIONS] and len(set(words)) == 2
    said = capsys.readouterr().err
    assert "Gradio's servers" in said and "frpc" in said and "downloaded" in said


@pytest.mark.parametrize(
    "answers", [[], ["yes"], ["y", "y"], ["share"], ["share", "share"], ["allowed", "share"], ["share", ""]]
)
def test_any_other_answer_opens_nothing(answers: list[str]) -> None:
    left = iter(answers)

    def ask(_question: str) -> str:
        try:
            return next(left)
        except StopIteration:
            raise EOFError from None

    with pytest.raises(ReachError, match="was not typed"):
        confirm_share(ask, terminal=True)


def test_nobody_can_be_asked_without_a_terminal() -> None:
    with pytest.raises(ReachError, match="terminal"):
        confirm_share(lambda _question: pytest.fail("asked"), terminal=False)


@pytest.mark.parametrize("option", [["--share"], ["--host", "0.0.0.0", "--guide"]])
def test_the_command_refuses_in_one_line_and_listens_to_nobody(
    repository: Path, tmp_path: Path, option: list[str]
) -> None:
    command = [sys.executable, "app.py", "--port", "0", "--store", str(tmp_path / "store"), *option]
    ended = subprocess.run(command, cwd=repository, capture_output=True, text=True, timeout=120, check=False)
    lines = ended.stderr.strip().splitlines()
    assert ended.returncode == 1 and ended.stdout == "" and len(lines) == 1 and "readers add NAME" in lines[0]
