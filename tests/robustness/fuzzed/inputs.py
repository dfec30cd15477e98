"""What readers are fed: whole files and values, and what becomes of them when they are damaged or altered."""

from __future__ import annotations

import json
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st
from PIL import Image

from magic_demo.core.errors import MagicDemoError
from magic_demo.core.messages import LONGEST
from magic_demo.core.review_types import Review
from magic_demo.core.types import Encounter, Photo
from magic_demo.files.bundles import write_prediction
from magic_demo.files.masks.decoding import ORIENTATION
from magic_demo.imaging.run_lengths import encode_mask
from magic_demo.questions.families import load_families
from magic_demo.reviews.backups import write_backup
from magic_demo.reviews.exports.label_studio.brush_code import encode_brush
from magic_demo.reviews.store import NewCase, Store
from tests.robustness.corpus.corpus_files import (
    MASKS,
    PHOTOS,
    encode,
    scene,
    tiff,
)
from tests.robustness.fuzzed.fuzzing import tried
from tests.support.stand_ins import draw_photo, stand_in_predictor


def check(target: str, read: Callable[[], object]) -> None:
    """Count one input and read it: what comes is a result or a documented error in one line."""
    tried[target] += 1
    try:
        read()
    except MagicDemoError as error:
        said = str(error)
        assert said and "\n" not in said and len(said) <= LONGEST, said


@contextmanager
def file_of(content: bytes, name: str) -> Iterator[Path]:
    """Give a file in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(content)
        yield path


@st.composite
def damaged(draw: st.DrawFn, wholes: list[bytes]) -> bytes:
    """Draw a whole file with bytes changed, cut out, doubled, or from another one."""
    data = bytearray(draw(st.sampled_from(wholes)))
    for _ in range(draw(st.integers(0, 6))):
        place = draw(st.integers(0, max(0, len(data) - 1)))
        kind = draw(st.integers(0, 4))
        if kind == 0:
            data[place : place + 1] = draw(st.binary(min_size=1, max_size=1))
        elif kind == 1:
            del data[place:]
        elif kind == 2:
            data[place : place + 4] = draw(
                st.sampled_from(
                    [b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\1\0"]
                )
            )
        elif kind == 3:
            data[place:place] = draw(st.binary(max_size=12))
        else:
            data[place:place] = draw(st.sampled_from(wholes))[place : place + draw(st.integers(0, 200))]
    return bytes(data)


numbers = (
    st.integers(-3, 12) | st.integers() | st.floats() | st.sampled_from([10**400, -(2**63), 2**31, 2**64])
)
texts = st.text(max_size=12) | st.sampled_from(
    ["../../x", "\ud83d", "a\0b", "\u202e", "", "x" * 5000, "ENC00001", "done", "blind"]
)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)


@st.composite
def altered(draw: st.DrawFn, whole: Any) -> Any:
    """Draw a whole JSON value of which some parts, at any depth, are gone, doubled or anything else."""

    def change(value: Any, depth: int) -> Any:
        dice = draw(st.integers(0, 14))
        if dice == 0 and depth:
            return draw(values)
        if isinstance(value, dict) and value:
            keys = list(value)
            chosen = set(draw(st.lists(st.sampled_from(keys), max_size=3)))
            out = {key: change(one, depth + 1) if key in chosen else one for key, one in value.items()}
            if dice == 1:
                out.pop(draw(st.sampled_from(keys)))
            elif dice == 2:
                out[draw(texts)] = draw(values)
            return out
        if isinstance(value, list) and value:
            place = draw(st.integers(0, len(value) - 1))
            out_list = [
                change(one, depth + 1) if number == place else one for number, one in enumerate(value)
            ]
            return (
                out_list * 2
                if dice == 1
                else out_list[:place]
                if dice == 2
                else [*out_list, draw(values)]
                if dice == 3
                else out_list
            )
        return draw(values) if dice < 6 else value

    return change(whole, 0)


def as_bytes(value: Any) -> bytes:
    """Return JSON as a careless program writes it: NaN, halves of characters and all."""
    return json.dumps(value).encode()


PNG = encode(scene(), "PNG")
COLOUR_CHUNKS = (
    (b"cICP", bytes([12, 13, 0, 1])),
    (b"gAMA", struct.pack(">I", 100_000)),
    (b"cHRM", struct.pack(">8I", *range(10_000, 90_000, 10_000))),
)
WHOLE_PHOTOS = [file.content() for file in PHOTOS if not file.error] + [
    encode(scene(), kind) for kind in ("JPEG", "PNG", "WEBP", "TIFF", "BMP")
]
WHOLE_PHOTOS += [
    tiff(np.full((20, 20, 4), 30_000, np.uint16), photometric="separated"),
    tiff(np.full((20, 20, 3), 30_000, np.uint16), photometric="cielab"),
    encode(scene(), "AVIF"),
    *(
        PNG[:33]
        + struct.pack(">I", len(body))
        + kind
        + body
        + struct.pack(">I", zlib.crc32(kind + body))
        + PNG[33:]
        for kind, body in COLOUR_CHUNKS
    ),
]
"""Kinds of colours that hardly any photo has, and those that tell theirs by numbers."""
DISC = np.eye(9, dtype=np.uint8)
PALETTE = Image.fromarray(DISC * 3, "P")
PALETTE.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0, 250, 240, 0])
WHOLE_MASKS = [
    *(file.content() for file in MASKS),
    tiff(DISC, compression="zlib"),
    tiff(DISC, photometric="miniswhite"),
    tiff(DISC.astype(np.uint16) * 65535),
    tiff(DISC.astype(np.float32)),
    tiff(DISC * 7, extratags=[(ORIENTATION, 3, 1, 6, True)]),
    encode(PALETTE, "PNG", transparency=0),
    encode(PALETTE, "GIF"),
    encode(Image.fromarray(np.dstack([DISC * 255] * 4)), "PNG"),
    encode(Image.fromarray(DISC.astype(np.uint16) * 65535), "PNG"),
    encode(Image.fromarray(DISC * 255), "JPEG"),
    encode(Image.fromarray(DISC.astype(np.bool_)), "TIFF", compression="group4"),
]
WHOLE_HEIC = [
    path.read_bytes()
    for path in sorted(Path(__file__).resolve().parents[2].joinpath("data", "heic").iterdir())
] + [encode(scene(), "AVIF")]


@cache
def whole_bundle() -> tuple[dict[str, Any], bytes]:
    """Return a bundle's JSON and its one map."""
    prediction = stand_in_predictor().predict(Encounter("ENC1", photos=(Photo("A", draw_photo()),)))
    with tempfile.TemporaryDirectory() as folder:
        write_prediction(Path(folder), prediction)
        return json.loads(Path(folder, "ENC1.json").read_bytes()), Path(folder, "ENC1", "A.png").read_bytes()


@cache
def whole_tasks() -> list[Any]:
    """Return Label Studio tasks with a brush region, answers and what the export keeps beside them."""
    rle = encode_brush(np.eye(6, dtype=np.bool_))
    sized = {"to_name": "photo", "original_height": 6, "original_width": 6}
    family = load_families()[0]
    results = [
        {
            "type": "brushlabels",
            "from_name": "lesion",
            "value": {"format": "rle", "rle": rle, "brushlabels": ["lesion"]},
            **sized,
        },
        {
            "type": "choices",
            "from_name": family.family_id,
            "value": {"choices": [family.options["en"][0]]},
            **sized,
        },
        {"type": "choices", "from_name": "photo_is", "value": {"choices": ["no lesion"]}, **sized},
        {"type": "textarea", "from_name": "reader", "value": {"text": ["Li"]}, **sized},
        {"type": "choices", "from_name": "kind", "value": {"choices": ["blind"]}, **sized},
    ]
    readings = [
        {"reader": "Li", "kind": "blind", "state": "done", "models": {"a": "b"}, "disagreements": ["CQID010"]}
    ]
    own = {"case_id": "ENC1", "photo_id": "A", "readings": readings}
    return [
        {
            "data": {"image": "/data/A.jpg", "magic_demo": own},
            "annotations": [{"result": results, "lead_time": 3.5, "completed_by": {"id": 3}}],
        }
    ]


@cache
def whole_backup() -> tuple[Any, list[Any]]:
    """Return what a small backup says of itself, and its rows."""
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder, "store")) as store:
        store.add_cases("q", [NewCase("E1")])
        store.save(
            Review(
                "E1", "local", queue="q", comment="x", masks={"A": encode_mask(np.eye(5, dtype=np.bool_))}
            ),
            client_key="k",
        )
        write_backup(store, Path(folder, "b.zip"))
        with zipfile.ZipFile(Path(folder, "b.zip")) as archive:
            return json.loads(archive.read("backup.json")), [
                json.loads(line) for line in archive.read("rows.jsonl").splitlines()
            ]
