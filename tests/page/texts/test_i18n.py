"""The page's texts: every one in both languages, every place filled, everything escaped."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from magic_demo.core.errors import FormatError, PhotoError
from magic_demo.core.messages import LONGEST, Message
from magic_demo.core.review_content import CHOICES
from magic_demo.core.types import LANGUAGES
from magic_demo.files.photos.reading import PhotoLimits, decode_photo, read_photo
from magic_demo.page.panels.frame.keys.key_sheet import CARD_KEYS, PAGE_KEYS, VIEWER_KEYS
from magic_demo.page.panels.frame.status.status import say_fitted
from magic_demo.page.texts.i18n import both, both_of, fill, line_in_both, load_messages, load_texts, text
from magic_demo.reviews.store import TRAIL_KINDS
from tests.support.source.documents import read_code, run_code

CHINESE = re.compile(r"[\u4e00-\u9fff]")
HOW_TO = "how-to/add-an-error.md"
SAME_IN_BOTH = {"app.title"}


def test_every_text_is_there_in_both_languages_with_the_same_places() -> None:
    for key, texts in load_texts().items():
        assert all(texts[language].strip() for language in LANGUAGES), key
        assert re.findall(r"{\w+}", texts["en"]) == re.findall(r"{\w+}", texts["zh"]) or set(
            re.findall(r"{\w+}", texts["en"])
        ) == set(re.findall(r"{\w+}", texts["zh"])), key
        assert key in SAME_IN_BOTH or CHINESE.search(texts["zh"]), f"{key} is not Chinese"
        assert not CHINESE.search(texts["en"]), f"{key} is not English"


def test_no_text_is_there_twice_and_no_key_is_said_twice_on_the_sheet(repository: Path) -> None:
    source = (repository / "magic_demo" / "page" / "texts" / "i18n.json").read_text(encoding="utf-8")
    keys = [key for key, _texts in json.loads(source, object_pairs_hook=list)]
    assert len(keys) == len(set(keys))
    said = [says for keys_of in (CARD_KEYS, VIEWER_KEYS, PAGE_KEYS) for _key, says in keys_of]
    assert len(said) == len(set(said))


def test_every_text_is_used_and_every_text_used_is_there(repository: Path) -> None:
    folder = repository / "magic_demo" / "page"
    source = "\n".join(
        path.read_text(encoding="utf-8") for path in folder.rglob("*") if path.suffix in {".py", ".html"}
    )
    built = {"status.loading", "status.ready", "status.failed", "status.queued", "status.waiting"}
    built |= {
        "case.narrative_hint",
        "case.prompt_hint",
        "about.segmentation",
        "about.captions",
        "about.cvqa",
        "about.cues",
    }
    built |= {f"trail.{kind}" for kind in TRAIL_KINDS}
    built |= {f"learning.{name}" for name in ("consensus", "majority", "staple", "list", "cases")}
    built |= {f"learning.{way}" for way in ("better", "worse", "same")}
    for name, values in CHOICES.items():
        built |= {f"review.{name}", *(f"review.{name}_{value}" for value in values)}
    unused = [key for key in load_texts() if key not in built and key not in source]
    assert unused == []
    named = set(re.findall(r"\[\[(?:[a-z-]+ )?([a-z_]+\.[a-z_]+)\]\]", source))
    assert named <= set(load_texts())


def test_texts_are_escaped_on_their_way_into_the_page() -> None:
    assert (
        both_of({"en": "<b>", "zh": "&"})
        == '<span class="t-en" lang="en">&lt;b&gt;</span><span class="t-zh" lang="zh">&amp;</span>'
    )
    assert both("status.done", seconds="<1>").count("&lt;1&gt;") == 2


def test_a_template_is_filled_with_texts_and_attributes() -> None:
    filled = fill("<p [[title viewer.fit_title]]>[[viewer.fit]]</p>")
    assert filled.startswith('<p title="Fit the photo')
    assert 'data-title-zh="适合窗口' in filled and 'lang="zh">适合</span>' in filled


def test_what_the_shipped_models_were_calibrated_on_is_said_in_chinese(repository: Path) -> None:
    for file in (repository / "checkpoints").glob("*/calibration.json"):
        line = json.loads(file.read_text())["fitted_on"]
        english, chinese = re.findall(r">([^<]+)<", say_fitted(line))
        assert english == line and not re.search("[a-wyz]", chinese), chinese


def test_the_guide_speaks_of_whatever_case_is_open_and_to_fingers_too() -> None:
    said = text("guide.outline_text", "en")
    assert "example" not in said and text("viewer.hide", "en") in said


def test_an_unknown_key_is_an_error() -> None:
    with pytest.raises(KeyError):
        text("viewer.nonsense", "en")


def test_lines_of_other_modules_are_said_in_chinese_with_the_same_values() -> None:
    found = Message("Finding the lesion in photo {number} of {count}", number=2, count=3)
    assert line_in_both(found)["zh"] == "正在查找第 2 张照片中的皮损（共 3 张）"
    assert line_in_both(Message("something {how}", how="new")) == {
        "en": "something new",
        "zh": "something new",
    }


def test_a_finished_sentence_is_shown_as_it_is_whatever_it_says() -> None:
    old = "arm: no mask ({reason}); Finding the lesion in photo 2 of 3"
    assert line_in_both(old) == {"en": old, "zh": old}
    assert (
        line_in_both("Scoring the closed questions")["zh"] == "正在为封闭问题打分"
    )  # it is a template, whole


def test_a_line_too_long_loses_its_middle_in_both_languages() -> None:
    said = line_in_both(Message("{photo}: {problem}", photo="a" * LONGEST, problem=Message("sign in first")))
    assert all(len(line) <= LONGEST for line in said.values())
    assert said["en"].endswith(": sign in first") and said["zh"].endswith("：请先登录")


def test_a_text_shows_messages_in_its_own_language() -> None:
    problem = Message("{place}: cannot be written; it can be read and exported", place="here")
    assert "here: cannot be written" in text("agreement.failed", "en", problem=problem)
    assert "here：无法写入" in text("agreement.failed", "zh", problem=problem)


def test_the_how_to_adds_an_error_in_both_languages(monkeypatch: pytest.MonkeyPatch) -> None:
    (code,), (entries,) = read_code(HOW_TO), read_code(HOW_TO, "json")
    added = {**load_messages(), **json.loads(entries)}
    monkeypatch.setattr("magic_demo.page.texts.i18n.load_messages", lambda: added)
    check = run_code(code, HOW_TO, {})["check_lenses"]
    check("leg.json", ["near"])
    with pytest.raises(FormatError) as caught:
        check("leg.json", ["near", "{path}"])
    assert line_in_both(caught.value.message) == {
        "en": "leg.json: 2 lenses of a dermatoscope came (near, {path}); keep one",
        "zh": "leg.json：收到 2 个皮肤镜镜头（near、{path}）；请只保留一个",
    }


def _save_tiff(values: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, values)
    return file.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        _save_tiff(np.full((20, 30, 3), 4000, np.uint16)),
        _save_tiff(np.full((20, 30), 4000, np.uint16)),
        _save_tiff(np.full((20, 30), 0.5, np.float32)),
    ],
)
def test_whatever_is_said_of_a_photo_is_said_in_chinese_too(data: bytes) -> None:
    notes = decode_photo(data, photo_id="arm").notes
    assert notes and all(CHINESE.search(line_in_both(note)["zh"]) for note in notes)


def test_whatever_is_wrong_with_a_photo_is_said_in_chinese_too(tmp_path: Path) -> None:
    png = io.BytesIO()
    Image.fromarray(np.zeros((40, 40, 3), np.uint8)).save(png, "PNG")
    whole, tight = png.getvalue(), PhotoLimits(max_bytes=2**20, max_pixels=1000, min_side=16)
    broken = [b"text", whole[:-30], b"II*\x00" + b"\xff" * 40, b"\0\0\0\x18ftypheic" + bytes(100)]
    cases = [
        *((data, PhotoLimits()) for data in broken),
        (whole, tight),
        (whole, PhotoLimits(min_side=64)),
        (bytes(2**21), tight),
    ]
    for data, limits in cases:
        with pytest.raises(PhotoError) as raised:
            decode_photo(data, photo_id="arm", limits=limits)
        assert CHINESE.search(line_in_both(raised.value.message)["zh"]), raised.value
    with pytest.raises(PhotoError) as raised:
        read_photo(tmp_path / "gone.jpg")
    assert CHINESE.search(line_in_both(raised.value.message)["zh"])
