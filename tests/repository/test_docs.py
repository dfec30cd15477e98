"""What the documents say exists, exists; what exists is in the documents."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from magic_demo.__main__ import COMMANDS
from training.__main__ import COMMANDS as TRAINING_COMMANDS

REPOSITORY = Path(__file__).resolve().parents[2]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
DOCUMENTS = sorted(
    [
        *(REPOSITORY / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")),
        *(REPOSITORY / "docs").rglob("*.md"),
    ]
)
MODEL_CARDS = sorted((REPOSITORY / "checkpoints").glob("*/README.md"))
IGNORED = [line.removesuffix("/") for line in (REPOSITORY / ".gitignore").read_text(encoding="utf-8").split()]


def _tree() -> list[str]:
    """Return the paths of the README's annotated tree, folders with their slash."""
    block = re.search(r"```\n(app\.py .*?)```", README, re.DOTALL)
    assert block is not None
    paths: list[str] = []
    folders: list[tuple[int, str]] = []
    for line in block.group(1).splitlines():
        indent = len(line) - len(line.lstrip())
        for name in line.split("  ")[indent // 2].split(", "):
            while folders and folders[-1][0] >= indent:
                folders.pop()
            path = "".join(folder for _, folder in folders) + name.strip()
            paths.append(path)
        if path.endswith("/"):
            folders.append((indent, name.strip()))
    return paths


@pytest.mark.parametrize("path", _tree())
def test_what_the_tree_names_exists(path: str) -> None:
    assert (REPOSITORY / path).exists()


def test_the_readme_names_every_folder() -> None:
    named = set(_tree())
    for parent in ("", "magic_demo/", "magic_demo/page/"):
        for folder in _list_folders(parent):
            assert f"{parent}{folder}/" in named, f"{parent}{folder}/ is not in the README's tree"
    for folder in _list_folders("training/"):
        assert f"{folder}/" in README, f"training/{folder}/ is not in the README"


def _list_folders(parent: str) -> list[str]:
    """Return the names of the folders directly below one that hold files of the program."""
    folders = [
        path
        for path in (REPOSITORY / parent).iterdir()
        if path.is_dir() and not _is_ignored(parent, path.name)
    ]
    return sorted(path.name for path in folders if not path.name.startswith("."))


def _is_ignored(parent: str, name: str) -> bool:
    return name in IGNORED or (not parent and f"/{name}" in IGNORED)


def test_the_readme_is_read_in_a_few_minutes() -> None:
    assert len(README.splitlines()) <= 150


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_is_in_the_readme(command: str) -> None:
    assert f"python -m magic_demo {command}" in README


@pytest.mark.parametrize("command", sorted(TRAINING_COMMANDS))
def test_every_training_command_is_documented(command: str) -> None:
    texts = [path.read_text(encoding="utf-8") for path in (*DOCUMENTS, *MODEL_CARDS)]
    assert any(f"python -m training {command}" in text for text in texts)


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(
        re.findall(r"^([a-z]+):", (REPOSITORY / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    )
    named = {
        name
        for path in DOCUMENTS
        for name in re.findall(r"(?:`|^)make ([a-z]+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert {"demo", "test"} <= named <= targets


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_within_the_repository_lead_somewhere(path: Path) -> None:
    for link in re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8")):
        if not link.startswith("http"):
            assert (path.parent / link).exists(), link


def _list_anchors(text: str) -> set[str]:
    """Return the anchors that GitHub gives the headings of a document: in lower case, of punctuation hyphens
    and underscores alone, spaces as hyphens, the same one again with a number."""
    anchors: set[str] = set(re.findall(r'<a (?:id|name)="([^"]+)"', text))
    count: dict[str, int] = {}
    for heading in re.findall(
        r"^#{1,6} +(.+?) *#*$", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S), re.M
    ):
        shown = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        anchor = re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-")
        count[anchor] = count.get(anchor, -1) + 1
        anchors.add(f"{anchor}-{count[anchor]}" if count[anchor] else anchor)
    return anchors


def test_anchors_are_made_as_github_makes_them() -> None:
    text = "# What's `new_in` 1.0: *this*, that\n```\n# no heading\n```\n## Two  words\n## [A link](x.md)\n# A link\n"
    assert _list_anchors(text) == {"whats-new_in-10-this-that", "two--words", "a-link", "a-link-1"}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_to_headings_lead_to_one(path: Path) -> None:
    for link, anchor in re.findall(r"\]\(([^)#\s]*)#([^)\s]+)\)", path.read_text(encoding="utf-8")):
        if link.startswith("http"):
            continue
        target = path.parent / link if link else path
        if target.suffix == ".md":
            assert anchor in _list_anchors(target.read_text(encoding="utf-8")), f"{link}#{anchor}"


def test_settings_files_that_are_named_exist() -> None:
    for path in (*DOCUMENTS, *MODEL_CARDS):
        for name in re.findall(r"training/configs/([\w-]+\.yaml)", path.read_text(encoding="utf-8")):
            assert (REPOSITORY / "training" / "configs" / name).is_file(), f"{path.name}: {name}"


def test_every_checkpoint_has_a_card_that_names_data_licence_and_limits() -> None:
    assert {card.parent.name for card in MODEL_CARDS} == {
        folder.name for folder in (REPOSITORY / "checkpoints").iterdir() if folder.is_dir()
    }
    for card in MODEL_CARDS:
        text = card.read_text(encoding="utf-8").lower()
        for word in ("licen", "python -m training", "research use only", "limits", "data"):
            assert word in text, f"{card.parent.name}: {word}"


def test_research_use_only_is_said_in_the_readme_and_nothing_is_left_open() -> None:
    assert "Research use only" in README
    assert "@@" not in README


PROMISES = [
    (document, row[1].strip(), re.findall(r"`([\w/]+\.py)::(\w+)`", row[2]))
    for document, table in re.findall(
        r"\| promised in (\S+) \| test \|\n\| --- \| --- \|\n((?:\|.*\n)+)",
        (REPOSITORY / "docs" / "promises.md").read_text(encoding="utf-8"),
    )
    for row in (["", *line.removeprefix("| ").rsplit(" | ", 1)] for line in table.splitlines())
]


def test_every_promise_still_stands_and_has_a_test_that_exists() -> None:
    texts = {
        path.name: " ".join(path.read_text(encoding="utf-8").split())
        for path in (REPOSITORY / "SECURITY.md", REPOSITORY / "docs" / "privacy.md")
    }
    assert {document for document, _, _ in PROMISES} == set(texts) and len(PROMISES) > 60
    for document, promise, tests in PROMISES:
        assert promise in texts[document], (
            f"{document} no longer says {promise!r}: change docs/promises.md too"
        )
        assert tests, f"{promise!r} has no test"
        for file, name in tests:
            assert re.search(
                rf"^ *def {name}\(", (REPOSITORY / "tests" / file).read_text(encoding="utf-8"), re.MULTILINE
            ), f"{file}::{name}"


def test_what_security_names_as_tests_exists() -> None:
    for name in re.findall(
        r"`((?:\w+/)*test_\w+)`", (REPOSITORY / "SECURITY.md").read_text(encoding="utf-8")
    ):
        assert (REPOSITORY / "tests" / f"{name}.py").is_file() or (
            REPOSITORY / "tests" / "e2e" / f"{name}.py"
        ).is_file(), name
