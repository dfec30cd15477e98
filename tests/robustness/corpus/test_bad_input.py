"""What participants' folders really hold, through the command line and the shipped models: one clear line a
fault, the other cases go on."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from magic_demo.__main__ import main
from magic_demo.files.answers import read_answers
from tests.support.stand_ins import draw_photo


def _encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _tiff_of_16_bits() -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, draw_photo().astype(np.uint16) * 257, photometric="rgb")
    return buffer.getvalue()


SCENE = Image.fromarray(draw_photo(96, 128))
REFUSED = {
    "text.jpg": (b"just text, whatever the name says", "not a photo"),
    "cut.jpg": (_encoded(Image.effect_noise((200, 200), 80), "JPEG")[:3000], "broken or cut short"),
    "dot.png": (_encoded(Image.new("RGB", (1, 1)), "PNG"), "1x1"),
    "huge.png": (_encoded(Image.new("1", (10_000, 10_000)), "PNG"), "100 megapixels"),
}
USED = {
    "deep.tiff": _tiff_of_16_bits(),
    "print.jpg": _encoded(SCENE.convert("CMYK"), "JPEG"),
    "palette.png": _encoded(SCENE.convert("P"), "PNG"),
    "plain.webp": _encoded(SCENE, "WEBP"),
}
TEXTS = {
    "empty": "",
    "long": "It itches on both hands. " * 400,
    "emoji": "😀🔥 rash?? 🤔" * 20,
    "chinese": "左手背红斑伴瘙痒三个月，越抓越痒。",
    "html": "<b>itchy</b> <script>alert(1)</script> &amp; red",
}


def _entry(encounter_id: str, images: list[str], text: str = "An itchy red patch.") -> dict[str, Any]:
    return {"encounter_id": encounter_id, "image_ids": images, "query_title_en": "", "query_content_en": text}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Write a valid split with every fault of a photo, every kind of text, and entries that are no
    encounters."""
    photos = tmp_path / "data" / "valid" / "images_valid"
    photos.mkdir(parents=True)
    entries: list[Any] = []
    for name, content in {**{name: content for name, (content, _) in REFUSED.items()}, **USED}.items():
        (photos / name).write_bytes(content)
        entries.append(_entry(f"ENC-{Path(name).stem}", [name]))
    entries += [
        _entry(f"TEXT-{name}", ["plain.webp"] if name == "empty" else [], text)
        for name, text in TEXTS.items()
    ]
    entries += [
        _entry("ENC-gone", ["gone.jpg"]),
        _entry("../../escape", ["plain.webp"]),
        "not an encounter",
        _entry("ENC-deep", []),
    ]
    (tmp_path / "data" / "valid" / "valid.json").write_text(json.dumps(entries), encoding="utf-8")
    return tmp_path / "data"


def test_every_fault_is_one_line_and_costs_only_itself(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    code = main(["predict", str(data), "--split", "valid", "--out", str(out), "--quiet"])
    lines = capsys.readouterr().err.splitlines()
    assert code == 3
    for name, (_, why) in REFUSED.items():
        assert sum(name in line and why in line for line in lines) == 1, (name, lines)
    assert sum("gone" in line and "not found" in line for line in lines) == 1
    assert any("escape" in line for line in lines)
    assert not any("Traceback" in line for line in lines)

    answers = read_answers(out / "data_cvqa_sys.json")
    expected = (
        {f"ENC-{Path(name).stem}" for name in (*REFUSED, *USED)}
        | {f"TEXT-{name}" for name in TEXTS}
        | {"ENC-gone"}
    )
    assert set(answers) == expected and all(len(answer) == 27 for answer in answers.values())
    masks = {path.name for path in (out / "masks_preds").iterdir()}
    empty = {"cut.jpg": (200, 200), "dot.png": (1, 1)}  # whose headers say how large they are
    assert masks == {f"{Path(name).stem}_mask_sys.tiff" for name in (*USED, *empty)}
    for name, size in empty.items():
        mask = tifffile.imread(out / "masks_preds" / f"{Path(name).stem}_mask_sys.tiff")
        assert mask.shape == size and not mask.any()
    for name in USED:
        mask = tifffile.imread(out / "masks_preds" / f"{Path(name).stem}_mask_sys.tiff")
        assert mask.shape == ((48, 64) if name == "deep.tiff" else (96, 128)) and set(np.unique(mask)) <= {
            0,
            1,
        }
    assert not (tmp_path.parent / "escape").exists() and sorted(path.name for path in tmp_path.iterdir()) == [
        "data",
        "out",
    ]


@pytest.mark.parametrize(
    ("content", "expected"),
    [("[{", "line 1"), ('{"encounters": 3}', "list"), ("", "line 1"), ("\x00\x01", "JSON")],
)
def test_a_malformed_encounter_file_is_one_line_and_exit_code_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, expected: str
) -> None:
    (tmp_path / "valid.json").write_text(content, encoding="utf-8")
    code = main(
        [
            "predict",
            str(tmp_path),
            "--split",
            "valid",
            "--out",
            str(tmp_path / "out"),
            "--task",
            "cvqa",
            "--quiet",
        ]
    )
    errors = capsys.readouterr().err.strip().splitlines()
    assert code == 1 and len(errors) == 1 and errors[0].startswith("error: ") and expected in errors[0]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--segmentation", "nowhere/at/all"], "no such folder"),
        (["--answers", "somebody/a-model-that-is-not-here"], "Hub"),
    ],
)
def test_a_missing_checkpoint_is_one_line(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], expected: str
) -> None:
    code = main(["predict", str(data), "--split", "valid", "--out", str(tmp_path / "out"), *arguments])
    errors = capsys.readouterr().err.strip().splitlines()
    assert code == 1 and expected in errors[-1] and errors[-1].startswith("error: ")


def test_an_output_folder_that_cannot_be_written_is_one_line(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").write_text("a file lies here", encoding="utf-8")
    code = main(
        [
            "predict",
            str(data),
            "--split",
            "valid",
            "--out",
            str(tmp_path / "out"),
            "--task",
            "cvqa",
            "--quiet",
        ]
    )
    errors = capsys.readouterr().err.strip().splitlines()
    assert code == 1 and len(errors) == 1 and str(tmp_path / "out") in errors[0]


def test_torch_is_not_imported_to_score() -> None:
    import subprocess

    code = (
        "import sys; from magic_demo.__main__ import main; sys.argv=['x']\ntry: "
        "main(['score','--help'])\nexcept SystemExit: pass\nassert 'torch' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0
