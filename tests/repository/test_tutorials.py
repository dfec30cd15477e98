"""The tutorials: what they tell to type and to press is there, and their commands run from nothing to the end."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from magic_demo.__main__ import COMMANDS
from magic_demo.core.review_types import Review
from magic_demo.reviews.store import LOCAL_READER, Store
from tests.support.store.reviewed_cases import answer

REPOSITORY = Path(__file__).resolve().parents[2]
TUTORIALS = sorted((REPOSITORY / "docs" / "tutorials").glob("*.md"))
MOST_WORDS = 1000
"""About two pages."""


def _list_commands(tutorial: Path) -> Iterator[list[str]]:
    """Yield the words of each command in the blocks of a tutorial, those of the page as ``serve``."""
    for block in re.findall(r"```sh\n(.*?)```", tutorial.read_text(encoding="utf-8"), re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line)
            if words[:2] == ["python", "app.py"]:
                yield ["serve", *words[2:]]
            else:
                assert words[:3] == ["python", "-m", "magic_demo"], line
                yield words[3:]


def _list_page_words() -> set[str]:
    texts = [
        json.loads(path.read_text(encoding="utf-8"))
        for path in (REPOSITORY / "magic_demo" / "page").rglob("*.json")
    ]
    shown = {values[0] for found in texts for values in found.values() if isinstance(values, list)}
    return shown | {"Point", "Not mentioned"}


def test_there_are_four_of_at_most_two_pages_to_which_the_readme_leads() -> None:
    assert [path.stem for path in TUTORIALS] == ["participant", "presenter", "reader", "research-group"]
    first_screen = "\n".join((REPOSITORY / "README.md").read_text(encoding="utf-8").splitlines()[:35])
    for path in TUTORIALS:
        assert len(path.read_text(encoding="utf-8").split()) <= MOST_WORDS
        assert f"docs/tutorials/{path.name}" in first_screen


@pytest.mark.parametrize("tutorial", TUTORIALS, ids=lambda path: path.stem)
def test_every_command_and_every_name_of_the_page_is_there(tutorial: Path) -> None:
    commands = list(_list_commands(tutorial))
    assert commands
    for name, *words in commands:
        parser = argparse.ArgumentParser(prog=name)
        importlib.import_module(COMMANDS[name][0]).add_arguments(parser)
        parser.parse_args(words)
    text = re.sub(r"```.*?```", "", tutorial.read_text(encoding="utf-8"), flags=re.DOTALL)
    named = set(re.findall(r"(?<!\*)\*([^*\n]+)\*(?!\*)", text))
    assert named and not named - _list_page_words()


@pytest.mark.long
@pytest.mark.parametrize("tutorial", TUTORIALS, ids=lambda path: path.stem)
def test_a_tutorial_leads_from_nothing_to_its_result(tutorial: Path, tmp_path: Path) -> None:
    for name in ("ann", "bo", "chen", "speaker"):
        (tmp_path / f"{name}.txt").write_text("a long password\n", encoding="utf-8")
    for words in _list_commands(tutorial):
        program = [sys.executable, "-m", "magic_demo", *words]
        if words[0] == "serve":
            _open_and_stop(program, tmp_path)
            _finish_a_case(tmp_path, words)
            continue
        done = subprocess.run(program, cwd=tmp_path, env=_environment(), capture_output=True, text=True)
        assert done.returncode == 0, (words, done.stdout[-2000:], done.stderr[-2000:])


def _finish_a_case(folder: Path, words: list[str]) -> None:
    """Finish the first case of the queue that the page showed, as its reader does meanwhile."""
    if "--queue" not in words:
        return
    with Store.open(folder / words[words.index("--store") + 1]) as store:
        (queue,) = store.queues()
        reader = "ann" if "--sign-in" in words else LOCAL_READER
        case = store.list_cases(queue, reader)[0].key.case_id
        store.save(
            Review(case, reader, "blind" if "blind" in words else "assisted", "done", answer(0), queue=queue)
        )


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(REPOSITORY)}


def _open_and_stop(program: list[str], folder: Path) -> None:
    """Start the page, ask whether it works, and stop it as Ctrl+C does."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with subprocess.Popen(
        [*program, "--port", str(port)], cwd=folder, env=_environment(), stdout=subprocess.PIPE, text=True
    ) as page:
        assert page.stdout is not None
        said = page.stdout.readline()
        assert str(port) in said
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz") as answer:
            assert json.load(answer) == {"status": "ok"}
        page.send_signal(signal.SIGINT)
        page.stdout.read()
    assert page.returncode == 0
