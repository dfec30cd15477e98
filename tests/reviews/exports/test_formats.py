"""A format is there everywhere or nowhere: on the command line, in the page's menu, in the docs, as files."""

from __future__ import annotations

import argparse
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from magic_demo.commands.export import add_arguments
from magic_demo.core.types import Language
from magic_demo.page.panels.queue.queue_panel import render_exports
from magic_demo.reviews.exports import FORMATS, REPORT, Format, Offer, write_export
from tests.support.source.documents import DOCS, read_code, run_code
from tests.support.store.reviewed_cases import make_queue

HOW_TO = "how-to/add-an-export-format.md"
OFFERS = (*FORMATS, REPORT)


def _write_nothing(*_anything: object) -> int:
    return 0


def _read_table() -> dict[str, tuple[str, str]]:
    """Return name -> files and contents of the table in docs/exports.md."""
    text, _, _ = (DOCS / "exports.md").read_text(encoding="utf-8").partition("## Importing")
    rows = re.findall(r"^\| `([a-z-]+)` \| (.*?) \| (.*?) \|$", text, re.MULTILINE)
    return {name: (files, contents) for name, files, contents in rows}


def test_the_docs_list_every_format_with_its_contents_and_no_other() -> None:
    assert {name: contents for name, (_, contents) in _read_table().items()} == {
        offer.name: offer.contents for offer in OFFERS
    }


@pytest.mark.parametrize("format", FORMATS, ids=lambda format: format.name)
def test_a_format_writes_the_files_that_the_docs_name(format: Format, tmp_path: Path) -> None:
    queue = make_queue(tmp_path / "data")
    report = write_export(queue.reviews, queue.cases, format, tmp_path / "out")
    patterns = [
        re.escape(name).replace("<k>", r"\d+").replace(r"<image\ id>", r"\w+").replace("<label>", r"\w+")
        for name in re.findall(r"`([^`]+)`", _read_table()[format.name][0])
    ]
    written = set(report.files) - {"export.json"}
    for pattern in patterns:
        assert any(re.match(pattern, file) for file in written), f"{pattern} was not written"
    unnamed = {file for file in written if not any(re.match(pattern, file) for pattern in patterns)}
    assert not unnamed, f"docs/exports.md does not name {sorted(unnamed)}"


@pytest.mark.parametrize("format", FORMATS, ids=lambda format: format.name)
def test_a_format_that_says_where_a_review_differs_from_the_model_is_known_to(
    format: Format, tmp_path: Path
) -> None:
    queue, word = make_queue(tmp_path / "data"), "qxzwvk"
    rows = [
        replace(saved, review=replace(saved.review, disagreements=frozenset({word})))
        for saved in queue.reviews
    ]
    write_export(rows, queue.cases, format, tmp_path / "out")
    written = [path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert any(word.encode() in content for content in written) is format.differences


@pytest.mark.parametrize("offer", OFFERS, ids=lambda offer: offer.name)
def test_the_command_and_the_menu_offer_every_format(offer: Offer) -> None:
    # without blanks: lines may break within a name, at a hyphen
    help_text = "".join(_make_parser(OFFERS).format_help().split())
    assert "".join(f"{offer.name}:{offer.contents}".split()) in help_text
    assert _make_parser(OFFERS).parse_args(["--to", "x", "--format", offer.name]).format == offer.name
    (entry,) = (line for line in render_exports(OFFERS).splitlines() if f'"{offer.name}"' in line)
    assert offer.titles["en"] in entry and offer.titles["zh"] in entry


@pytest.mark.parametrize("lacking", ["name", "titles", "contents", "write", "kinds"])
def test_a_format_without_one_of_its_parts_cannot_be_made(lacking: str) -> None:
    parts: dict[str, Any] = {field: getattr(FORMATS[0], field) for field in FORMATS[0].__dataclass_fields__}
    del parts[lacking]
    with pytest.raises(TypeError, match=lacking):
        Format(**parts)


@pytest.mark.parametrize(
    ("name", "titles", "contents"),
    [
        ("A B", {"en": "x", "zh": "x"}, "x"),
        ("ab", {"en": "x"}, "x"),
        ("ab", {"en": "x", "zh": " "}, "x"),
        ("ab", {"en": "x", "zh": "x"}, ""),
        ("ab", {"en": "x", "zh": "x"}, "x\ny"),
    ],
)
def test_a_format_that_cannot_be_shown_is_refused(
    name: str, titles: dict[Language, str], contents: str
) -> None:
    with pytest.raises(ValueError, match=r"export"):
        Format(name, titles, contents, _write_nothing, "newest")


def test_the_how_to_adds_a_format_to_command_menu_and_files(tmp_path: Path) -> None:
    make, use = read_code(HOW_TO)
    queue = make_queue(tmp_path / "data")
    names = run_code(make, HOW_TO, {"__name__": "comments"})
    added: Format = names["COMMENTS"]
    offers = (*OFFERS, added)
    assert _make_parser(offers).parse_args(["--to", "x", "--format", "comments"]).format == "comments"
    assert '<a data-format="comments" download>' in render_exports(offers) and "评论" in render_exports(
        offers
    )
    names.update(reviews=queue.reviews, cases=queue.cases, folder=tmp_path / "out")
    report = run_code(use, HOW_TO, names)["report"]
    comments = json.loads((tmp_path / "out" / "comments.json").read_text(encoding="utf-8"))
    assert comments and report.format == "comments" and "comments.json" in report.files
    assert any(line.startswith("case without a comment") for line in report.left_out)


def _make_parser(offers: tuple[Offer, ...]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    add_arguments(parser, offers)
    return parser
