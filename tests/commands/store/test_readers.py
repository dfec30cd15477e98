"""``python -m magic_demo readers``: what it does and what it says."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from magic_demo.__main__ import main
from magic_demo.reviews.store import Store

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """Return a function that runs ``readers`` on a store of its own and gives exit code, output and
    errors."""

    def run(*words: str) -> tuple[int, str, str]:
        code = main(["readers", "--store", str(tmp_path / "store"), *words])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def _type(monkeypatch: pytest.MonkeyPatch, *passwords: str) -> None:
    """Let a terminal be there at which these passwords are typed."""
    typed: Iterator[str] = iter(passwords)

    def ask(prompt: str) -> str:
        try:
            return next(typed)
        except StopIteration:
            raise EOFError from None

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr(getpass, "getpass", ask)


def _sign_in(tmp_path: Path, name: str, password: str) -> bool:
    with Store.open(tmp_path / "store") as store:
        return store.check_password(name, password) is not None


def test_a_reader_is_added_with_the_password_that_was_typed_twice(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _type(monkeypatch, "long enough", "long enough")
    assert command("add", "ann", "--role", "adjudicator") == (0, "ann can sign in (adjudicator)\n", "")
    assert _sign_in(tmp_path, "ann", "long enough")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (("long enough", "long enougg"), "not the same"),
        ((), "no password"),
        (("short", "short"), "8 to 1000"),
    ],
)
def test_a_password_that_does_not_come_about_adds_nobody(
    command: Command, monkeypatch: pytest.MonkeyPatch, typed: tuple[str, ...], said: str
) -> None:
    _type(monkeypatch, *typed)
    code, out, errors = command("add", "ann")
    assert (code, out) == (1, "") and said in errors and errors.count("\n") == 1
    assert "ann" not in command("list")[1]


def test_a_script_gives_the_password_in_a_file(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("from a file\nsecond line\n", encoding="utf-8")
    assert command("add", "ann", "--password-file", str(file))[0] == 0
    assert _sign_in(tmp_path, "ann", "from a file")
    file.write_text("another one", encoding="utf-8")
    assert (
        command("password", "ANN", "--password-file", str(file))[1]
        == "ann has a new password; who was signed in under the name has to sign in again\n"
    )
    assert _sign_in(tmp_path, "ann", "another one") and not _sign_in(tmp_path, "ann", "from a file")


def test_without_a_terminal_the_file_is_asked_for(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    code, _, errors = command("add", "ann")
    assert code == 1 and "--password-file" in errors


def test_a_password_file_that_cannot_be_read_is_named(command: Command, tmp_path: Path) -> None:
    code, _, errors = command("add", "ann", "--password-file", str(tmp_path / "nothing"))
    assert code == 1 and "nothing" in errors and errors.count("\n") == 1


def test_the_list_says_who_there_is_and_who_was_removed(command: Command, tmp_path: Path) -> None:
    with Store.open(tmp_path / "store") as store:
        store.add_reader("ann", role="adjudicator", password="long enough")
        store.add_reader("bo")
        store.remove_reader("bo")
    assert [line.split("  ") for line in _columns(command("list")[1])] == [
        ["local", "reader", "no password"],
        ["ann", "adjudicator", "signs in"],
    ]
    assert _columns(command("list", "--removed")[1])[-1] == "bo  reader  removed"


def _columns(text: str) -> list[str]:
    return [
        "  ".join(part.strip() for part in line.split("  ") if part.strip()) for line in text.splitlines()
    ]


def test_removing_and_roles(command: Command, tmp_path: Path) -> None:
    with Store.open(tmp_path / "store") as store:
        store.add_reader("ann")
    assert command("role", "ann", "presenter") == (0, "ann is now presenter\n", "")
    assert command("remove", "ann") == (0, "ann cannot sign in any more; 0 reviews kept\n", "")


@pytest.mark.parametrize(
    "words", [("remove", "zoe"), ("password", "zoe"), ("role", "zoe", "reader"), ("add", "local")]
)
def test_a_name_that_does_not_fit_is_said_before_a_password_is_asked_for(
    command: Command, monkeypatch: pytest.MonkeyPatch, words: tuple[Any, ...]
) -> None:
    _type(monkeypatch)
    code, out, errors = command(*words)
    assert (code, out) == (1, "") and errors.startswith("error: there is ") and errors.count("\n") == 1


def test_the_environment_names_the_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MAGIC_DEMO_STORE", str(tmp_path / "elsewhere"))
    assert main(["readers", "list"]) == 0
    assert "local" in capsys.readouterr().out
    assert (tmp_path / "elsewhere" / "reviews.sqlite3").is_file()
