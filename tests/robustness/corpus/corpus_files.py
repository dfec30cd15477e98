"""The bad files of the corpus: photos, masks, JSON, settings, databases."""

from __future__ import annotations

import io
import json
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import tifffile
from PIL import Image

from magic_demo.questions.families import load_challenge, load_families


@dataclass(frozen=True)
class BadFile:
    """A file: where it lies, who reads it, how its bytes are made, the error class expected (empty: it is
    read), and what is said."""

    place: str
    reader: str
    content: Callable[[], bytes]
    error: str = ""
    says: tuple[str, ...] = ()


def scene(height: int = 32, width: int = 40) -> Image.Image:
    """Return a drawn red square on grey, RGB."""
    pixels = np.full((height, width, 3), 150, np.uint8)
    pixels[height // 4 : 3 * height // 4, width // 4 : 3 * width // 4] = (220, 60, 60)
    return Image.fromarray(pixels)


def encode(image: Image.Image, kind: str, **options: Any) -> bytes:
    """Encode an image."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def tiff(values: Any, **options: Any) -> bytes:
    """Encode an array as TIFF, without a date or a program's name."""
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, values, **{"metadata": None, "software": False, **options})
    return buffer.getvalue()


def square(value: float = 1, kind: Any = np.uint8) -> Any:
    """Return a (12, 16) mask with a square of ``value``."""
    values = np.zeros((12, 16), kind)
    values[3:9, 4:12] = value
    return values


def chunk(kind: bytes, data: bytes) -> bytes:
    """Return a PNG chunk."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *chunks: bytes, depth: int = 8, colour: int = 2, data: bytes = b"") -> bytes:
    """Return a PNG that claims a size, whatever its data hold."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n"
        + header
        + b"".join(chunks)
        + chunk(b"IDAT", zlib.compress(data))
        + chunk(b"IEND", b"")
    )


def gps() -> bytes:
    """Return a JPEG that says where it was taken, turned on its side."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 8.0, 0.0), 3: "E", 4: (11.0, 34.0, 0.0)})
    return encode(scene(), "JPEG", exif=exif)


def animated(kind: str) -> bytes:
    """Return three frames."""
    frames = [scene(), Image.new("RGB", (40, 32), (0, 0, 255)), Image.new("RGB", (40, 32))]
    return encode(frames[0], kind, save_all=True, append_images=frames[1:])


def palette_with_transparency() -> bytes:
    """Return a palette PNG of which one colour is transparent."""
    return encode(scene().convert("P", palette=Image.Palette.ADAPTIVE, colors=8), "PNG", transparency=0)


def text_bomb() -> bytes:
    """Return a PNG with a comment of 32 MB, 32 KB packed."""
    bomb = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(32 * 2**20), 9))
    return png(40, 32, bomb, data=b"".join(b"\0" + bytes(120) for _ in range(32)))


def profile_bomb() -> bytes:
    """Return a PNG with a colour profile of 32 MB."""
    bomb = chunk(b"iCCP", b"profile\0\0" + zlib.compress(bytes(32 * 2**20), 9))
    return png(40, 32, bomb, data=b"".join(b"\0" + bytes(120) for _ in range(32)))


def huge_tiff(side: int, *, claimed: int = 0) -> bytes:
    """Return a TIFF of a small mask that claims ``side`` pixels a side, packed."""
    content = tiff(np.zeros((64, 64), np.uint8), compression="zlib")
    whole = bytearray(content)
    with tifffile.TiffFile(io.BytesIO(content)) as read:
        for name in ("ImageWidth", "ImageLength", "RowsPerStrip"):
            tag = read.pages.first.tags[name]
            size = struct.calcsize({3: "<H", 4: "<I"}[int(tag.dtype)])
            whole[tag.valueoffset : tag.valueoffset + size] = side.to_bytes(size, "little")
    return bytes(whole)


def answers(**changes: Any) -> dict[str, Any]:
    """Return one encounter's whole answers, changed; None takes a key out."""
    entry: dict[str, Any] = {
        "encounter_id": "ENC00001",
        **{question.qid: 0 for question in load_challenge().questions},
    }
    entry.update({key.replace("_", "-"): value for key, value in changes.items() if key != "encounter_id"})
    if "encounter_id" in changes:
        entry["encounter_id"] = changes["encounter_id"]
    return {key: value for key, value in entry.items() if value is not None}


def encounter(**changes: Any) -> dict[str, Any]:
    """Return one encounter, changed."""
    return {
        "encounter_id": "ENC00001",
        "image_ids": [],
        "query_title_en": "Rash",
        "query_content_en": "It itches.",
        **changes,
    }


def as_json(value: Any) -> Callable[[], bytes]:
    """Return a maker of JSON in ASCII."""
    return lambda: json.dumps(value).encode()


def raw(content: bytes | str) -> Callable[[], bytes]:
    """Return a maker of these bytes."""
    return lambda: content.encode() if isinstance(content, str) else content


def questions(**changes: Any) -> dict[str, Any]:
    """Return the first family's first question as a question file holds it, changed."""
    family = load_families()[0]
    question = family.questions[0]
    entry = {
        "qid": question.qid,
        "question_en": "?",
        "question_zh": "?",
        "options_en": list(question.options["en"]),
    }
    return {**entry, "options_zh": list(question.options["zh"]), **changes}


_WHOLE = encode(Image.effect_noise((80, 80), 60).convert("RGB"), "PNG")
_JPEG = encode(scene(), "JPEG")
_DEEP = b"[" * 5000 + b"]" * 5000
_READS, _NOT, _BROKEN = "photo", ("not a photo",), ("broken", "again")

PHOTOS = [
    BadFile("photos/empty.jpg", _READS, raw(b""), "PhotoError", _NOT),
    BadFile("photos/text.jpg", _READS, raw("just text"), "PhotoError", _NOT),
    BadFile("photos/page.png", _READS, raw("<!doctype html><title>404</title>"), "PhotoError", _NOT),
    BadFile("photos/vector.png", _READS, raw('<svg xmlns="http://www.w3.org/2000/svg"/>'), "PhotoError", _NOT),
    BadFile("photos/document.jpg", _READS, raw(b"%PDF-1.7\n1 0 obj<<>>endobj\n%%EOF"), "PhotoError", _NOT),
    BadFile("photos/archive.png", _READS, raw(b"PK\x05\x06" + bytes(18)), "PhotoError", _NOT),
    BadFile("photos/postscript.jpg", _READS, raw(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 40 40\n%%EndComments\n"), "PhotoError", _NOT),
    BadFile("photos/cut.jpg", _READS, lambda: _JPEG[: len(_JPEG) // 2], "PhotoError", _BROKEN),
    BadFile("photos/cut.png", _READS, lambda: _WHOLE[: len(_WHOLE) // 2], "PhotoError", _BROKEN),
    BadFile("photos/cut.webp", _READS, lambda: encode(scene(), "WEBP", lossless=True)[:40], "PhotoError"),
    BadFile("photos/cut.tiff", _READS, lambda: encode(scene(), "TIFF")[:600], "PhotoError"),
    BadFile("photos/head.jpg", _READS, raw(b"\xff\xd8\xff\xe0"), "PhotoError"),
    BadFile("photos/flipped.png", _READS, lambda: _WHOLE[:60] + b"\xff" * 8 + _WHOLE[68:], "PhotoError", ("broken",)),
    BadFile("photos/dot.png", _READS, lambda: encode(Image.new("RGB", (1, 1)), "PNG"), "PhotoError", ("1x1", "at least 16")),
    BadFile("photos/ribbon.png", _READS, lambda: encode(Image.new("RGB", (4000, 2)), "PNG"), "PhotoError", ("4000x2",)),
    BadFile("photos/none.png", _READS, lambda: png(0, 0), "PhotoError"),
    BadFile("photos/claims.png", _READS, lambda: png(60_000, 60_000), "PhotoError", ("megapixels", "limit")),
    BadFile("photos/bomb.png", _READS, lambda: encode(Image.new("1", (10_000, 10_000)), "PNG"), "PhotoError", ("100 megapixels",)),
    BadFile("photos/bomb.tiff", _READS, lambda: huge_tiff(60_000), "PhotoError", ("megapixels",)),
    BadFile("photos/text-bomb.png", _READS, text_bomb, "", ("too many, or too large",)),
    BadFile("photos/profile-bomb.png", _READS, profile_bomb, "", ("taken as sRGB",)),
    BadFile("photos/short.png", _READS, lambda: png(40, 32, data=bytes(50)), "PhotoError", ("broken",)),
    BadFile("photos/phone.heic", _READS, raw(b"\0\0\0\x18ftypheic" + bytes(40)), "PhotoError", _NOT),
    BadFile("photos/phone.avif", _READS, raw(b"\0\0\0\x18ftypavif" + bytes(40)), "PhotoError", _NOT),
    BadFile("photos/phone.jpg", _READS, gps, "", ("GPS", "upright")),
    BadFile("photos/trailing.jpg", _READS, lambda: _JPEG + b"after the end" * 99),
    BadFile("photos/print.jpg", _READS, lambda: encode(scene().convert("CMYK"), "JPEG"), "", ("CMYK",)),
    BadFile("photos/animated.gif.png", _READS, lambda: animated("GIF"), "", ("first of 3 frames",)),
    BadFile("photos/animated.png", _READS, lambda: animated("PNG"), "", ("first of 3 frames",)),
    BadFile("photos/animated.webp", _READS, lambda: animated("WEBP"), "", ("first of 3 frames",)),
    BadFile("photos/pages.tiff", _READS, lambda: animated("TIFF"), "", ("first of 3 frames",)),
    BadFile("photos/palette.png", _READS, palette_with_transparency, "", ("palette",)),
    BadFile("photos/transparent.png", _READS, lambda: encode(scene().convert("RGBA"), "PNG"), "", ("transparency",)),
    BadFile("photos/grey-transparent.png", _READS, lambda: encode(scene().convert("LA"), "PNG"), "", ("transparency",)),
    BadFile("photos/bits.png", _READS, lambda: encode(scene().convert("1"), "PNG"), "", ("grey",)),
    BadFile("photos/deep.png", _READS, lambda: encode(Image.fromarray(np.full((32, 40), 40_000, np.uint16)), "PNG"), "", ("16-bit",)),
    BadFile("photos/deep.tiff", _READS, lambda: tiff(np.full((32, 40, 3), 40_000, np.uint16), photometric="rgb"), "", ("16-bit",)),
    BadFile("photos/float.tiff", _READS, lambda: tiff(np.full((32, 40), 0.5, np.float32)), "", ("floating",)),
    BadFile("photos/nan.tiff", _READS, lambda: tiff(np.full((32, 40), np.nan, np.float32)), "", ("floating",)),
    BadFile("photos/double.tiff", _READS, lambda: tiff(np.full((32, 40, 3), 1e300), photometric="rgb"), "", ("64-bit",)),
    BadFile("photos/lab.tiff", _READS, lambda: tiff(np.asarray(scene()), photometric="cielab"), "", ("LAB",)),
    BadFile("photos/channels.tiff", _READS, lambda: tiff(np.zeros((32, 40, 7), np.uint8), photometric="minisblack", planarconfig="contig"), "PhotoError"),
    BadFile("photos/volume.tiff", _READS, lambda: tiff(np.zeros((3, 4, 32, 40), np.uint16), photometric="minisblack"), "", ("frames",)),
    BadFile("photos/-rf photo.png", _READS, lambda: encode(scene(), "PNG")),
    BadFile("photos/\u202egnp.湿疹 🤔.png", _READS, lambda: encode(scene(), "PNG")),
]  # fmt: skip

MASKS = [
    BadFile("masks/255_mask_sys.tiff", "mask", lambda: tiff(square(255)), "FormatError", ("255", "(mask > 0)")),
    BadFile("masks/255_loose.tiff", "loose mask", lambda: tiff(square(255)), "", ("0 and 255",)),
    BadFile("masks/colours.tiff", "mask", lambda: tiff(np.repeat(square()[..., None], 3, 2), photometric="rgb"), "FormatError", ("channels",)),
    BadFile("masks/colours_loose.tiff", "loose mask", lambda: tiff(np.repeat(square(255)[..., None], 3, 2), photometric="rgb"), "", ("channels",)),
    BadFile("masks/differing.tiff", "loose mask", lambda: tiff(np.dstack([square(), square(0), square()]) + np.uint8(3), photometric="rgb"), "FormatError", ("differ",)),
    BadFile("masks/pages.tiff", "mask", lambda: tiff(np.stack([square()] * 3), photometric="minisblack"), "FormatError", ("one page",)),
    BadFile("masks/pages_loose.tiff", "loose mask", lambda: tiff(np.stack([square()] * 3), photometric="minisblack"), "FormatError", ("one page",)),
    BadFile("masks/float.tiff", "mask", lambda: tiff(square(0.7, np.float32)), "FormatError", ("fractions", "(mask > 0)")),
    BadFile("masks/float_loose.tiff", "loose mask", lambda: tiff(square(0.7, np.float32)), "", ("fractions",)),
    BadFile("masks/nan.tiff", "loose mask", lambda: tiff(square(np.nan, np.float32)), "FormatError", ("not a number",)),
    BadFile("masks/negative.tiff", "loose mask", lambda: tiff(square(-1, np.int16)), "FormatError", ("negative",)),
    BadFile("masks/sixteen.tiff", "loose mask", lambda: tiff(square(65_535, np.uint16)), "", ("65535",)),
    BadFile("masks/complex.tiff", "loose mask", lambda: tiff(square(1, np.complex64)), "FormatError", ("complex",)),
    BadFile("masks/empty.tiff", "mask", raw(b""), "FormatError", ("cannot be read",)),
    BadFile("masks/cut.tiff", "mask", lambda: tiff(square(), compression="zlib")[:-20], "FormatError"),
    BadFile("masks/photo.tiff", "loose mask", lambda: _JPEG, "FormatError"),
    BadFile("masks/bomb.tiff", "mask", lambda: huge_tiff(60_000), "FormatError", ("limit",)),
    BadFile("masks/bomb_loose.tiff", "loose mask", lambda: huge_tiff(60_000), "FormatError", ("limit",)),
    BadFile("masks/bomb.png.tiff", "loose mask", lambda: png(60_000, 60_000), "FormatError", ("limit",)),
]  # fmt: skip

_E, _A, _Q, _L = "encounters", "answers", "questions", "label studio"
TEXTS = [
    BadFile("encounters/empty.json", _E, raw(b""), "FormatError", ("line 1",)),
    BadFile("encounters/nothing.json", _E, raw("[]")),
    BadFile("encounters/cut.json", _E, lambda: as_json([encounter()])()[:-9], "FormatError", ("line 1",)),
    BadFile("encounters/object.json", _E, as_json({"encounters": []}), "FormatError", ("an object", "list")),
    BadFile("encounters/lines.json", _E, lambda: b"\r\n".join([b"[", as_json(encounter())(), b"]"])),
    BadFile("encounters/mark.json", _E, lambda: b"\xef\xbb\xbf" + as_json([encounter()])()),
    BadFile("encounters/utf-16.json", _E, lambda: json.dumps([encounter()]).encode("utf-16"), "FormatError", ("UTF-8",)),
    BadFile("encounters/latin-1.json", _E, lambda: b'[{"encounter_id": "M\xfcller"}]', "FormatError", ("UTF-8",)),
    BadFile("encounters/deep.json", _E, lambda: _DEEP, "FormatError", ("beyond",)),
    BadFile("encounters/deep-id.json", _E, lambda: b'[{"encounter_id": ' + b"[" * 900 + b"]" * 900 + b"}]", "", ("entry 1",)),
    BadFile("encounters/number.json", _E, lambda: b'[{"encounter_id": ' + b"9" * 5000 + b"}]", "FormatError", ("beyond",)),
    BadFile("encounters/constants.json", _E, raw('[NaN, Infinity, {"encounter_id": NaN}, -1e999]'), "", ("entry 1", "entry 4")),
    BadFile("encounters/duplicates.json", _E, as_json([encounter(), encounter(query_content_en="Later.")]), "", ("twice", "first")),
    BadFile("encounters/duplicate-keys.json", _E, raw('[{"encounter_id": "ENC1", "encounter_id": "ENC2", "image_ids": []}]')),
    BadFile("encounters/surrogate.json", _E, raw('[{"encounter_id": "ENC1", "query_content_en": "half \\ud83d of it"}]')),
    BadFile("encounters/surrogate-id.json", _E, raw('[{"encounter_id": "ENC\\ud83d"}]'), "", ("letters, digits",)),
    BadFile("encounters/surrogate-photo.json", _E, as_json([encounter(image_ids=["a\ud83d.jpg"])])),
    BadFile("encounters/nul.json", _E, as_json([encounter(query_content_en="a\0b", image_ids=["a\0.jpg"])]), "", ("not a file name",)),
    BadFile("encounters/escape.json", _E, as_json([encounter(encounter_id="../../etc"), encounter(image_ids=["../../secret.jpg"])]), "", ("entry 1", "entry 2")),
    BadFile("encounters/types.json", _E, as_json([None, 1, "x", [], encounter(image_ids="a.jpg"), encounter(responses=3), encounter(query_title_en=[])]), "", ("entry 1", "entry 7")),
    BadFile("encounters/long.json", _E, lambda: json.dumps([encounter(query_content_en="itch " * 2100)]).encode(), "", ("10499 characters", "limit")),
    BadFile("encounters/many.json", _E, as_json([encounter(image_ids=[f"{number}.jpg" for number in range(101)])]), "", ("101 photos", "limit")),
    BadFile("encounters/html.json", _E, as_json([encounter(query_content_en="<script>alert(1)</script><img src=x onerror=alert(1)> itch")])),
    BadFile("answers/lines.json", _A, lambda: json.dumps([answers()], indent=1).replace("\n", "\r\n").encode()),
    BadFile("answers/mark.json", _A, lambda: b"\xef\xbb\xbf" + as_json([answers()])()),
    BadFile("answers/empty.json", _A, raw(""), "FormatError", ("line 1",)),
    BadFile("answers/object.json", _A, as_json(answers()), "FormatError", ("an object", "list")),
    BadFile("answers/no-id.json", _A, as_json([answers(encounter_id=None)]), "FormatError", ("entry 1", "encounter_id")),
    BadFile("answers/twice.json", _A, as_json([answers(), answers()]), "FormatError", ("ENC00001", "twice")),
    BadFile("answers/missing.json", _A, as_json([answers(CQID012_001=None)]), "FormatError", ("CQID012-001", "no answer")),
    BadFile("answers/unknown.json", _A, as_json([answers(CQID099_001=0)]), "FormatError", ("CQID099-001", "no question")),
    BadFile("answers/text.json", _A, as_json([answers(CQID012_001="0")]), "FormatError", ("whole number",)),
    BadFile("answers/true.json", _A, as_json([answers(CQID012_001=True)]), "FormatError", ("whole number",)),
    BadFile("answers/fraction.json", _A, as_json([answers(CQID012_001=0.0)]), "FormatError", ("whole number",)),
    BadFile("answers/nan.json", _A, as_json([answers(CQID012_001=float("nan"))]), "FormatError", ("whole number",)),
    BadFile("answers/huge.json", _A, as_json([answers(CQID012_001=10**400)]), "FormatError", ("options go from",)),
    BadFile("answers/negative.json", _A, as_json([answers(CQID012_001=-1)]), "FormatError", ("options go from",)),
    BadFile("answers/deep.json", _A, lambda: _DEEP, "FormatError", ("beyond",)),
    BadFile("answers/surrogate.json", _A, as_json([answers(encounter_id="\ud83d")])),
    BadFile("questions/empty.json", _Q, raw("[]"), "FormatError", ("JSON list",)),
    BadFile("questions/deep.json", _Q, lambda: _DEEP, "FormatError"),
    BadFile("questions/no-qid.json", _Q, as_json([questions(qid=7)]), "FormatError", ("qid",)),
    BadFile("questions/options.json", _Q, as_json([questions(options_en=["yes"])]), "FormatError", ("options_en",)),
    BadFile("questions/uneven.json", _Q, as_json([questions(options_zh=["一", "二"])]), "FormatError", ("Chinese",)),
    BadFile("questions/option-twice.json", _Q, as_json([questions(options_en=["Yes", " yes ", "Not mentioned"], options_zh=["一", "二", "三"])]), "FormatError", ("twice",)),
    BadFile("questions/markup.json", _Q, as_json([questions(qid='"><script>')]), "FormatError", ("letters",)),
    BadFile("questions/twice.json", _Q, as_json([questions(), questions()]), "FormatError", ("twice",)),
    BadFile("questions/latin-1.json", _Q, raw(b'[{"qid": "\xfc"}]'), "FormatError"),
    BadFile("label-studio/empty.json", _L, raw(""), "FormatError", ("line 1",)),
    BadFile("label-studio/nameless.json", _L, as_json([{"data": {}, "annotations": [{"result": []}]}]), "", ("without a photo",)),
    BadFile("label-studio/names.json", _L, as_json([{"data": {"magic_demo": {"case_id": "a\nb"}}, "annotations": [{"result": []}]}]), "", ("refuses",)),
    BadFile("label-studio/types.json", _L, as_json([1, None]), "SourceError", ("task 1",)),
    BadFile("label-studio/data.json", _L, as_json([{"data": []}]), "SourceError", ("task 1",)),
    BadFile("label-studio/annotations.json", _L, as_json([{"data": {}, "annotations": 5}]), "SourceError", ("task 1",)),
    BadFile("label-studio/broken.json", _L, as_json([{"data": {"image": "A.jpg", "magic_demo": {"readings": 7}}, "annotations": [{}, None, 3, {"result": 5}]}]), "", ("cannot be read",)),
    BadFile("label-studio/own.json", _L, as_json([{"data": {"magic_demo": [1]}, "annotations": [{"result": []}]}]), "SourceError", ("task 1",)),
    BadFile("label-studio/readings.json", _L, as_json([{"data": {"image": "A.jpg", "magic_demo": {"readings": [3]}}, "annotations": [{"result": []}]}]), "", ("cannot be read",)),
    BadFile("label-studio/huge-time.json", _L, as_json([{"data": {"image": "A.jpg"}, "annotations": [{"result": [], "lead_time": 10**400}]}]), "", ("cannot be read",)),
    BadFile("label-studio/huge-size.json", _L, as_json([{"data": {"image": "A.jpg"}, "annotations": [{"result": [{"type": "choices", "from_name": "photo_is", "original_height": 10**6, "original_width": 10**6, "value": {"choices": ["no lesion"]}}]}]}]), "", ("limit",)),
    BadFile("label-studio/brush.json", _L, as_json([{"data": {"image": "A.jpg"}, "annotations": [{"result": [{"type": "brushlabels", "from_name": "lesion", "original_height": 4, "original_width": 4, "value": {"brushlabels": ["lesion"], "rle": [0, 0, 0, 64, 255]}}]}]}]), "", ("cut short",)),
    BadFile("label-studio/surrogate.json", _L, as_json([{"data": {"image": "A.jpg"}, "annotations": [{"result": [], "completed_by": "\ud83d"}]}])),
    BadFile("settings/list.yaml", "settings", raw("- 1"), "SettingsError", ("mapping",)),
    BadFile("settings/cut.yaml", "settings", raw("a: [1, {"), "SettingsError", ("YAML",)),
    BadFile("settings/object.yaml", "settings", raw("!!python/object/apply:os.system ['true']"), "SettingsError", ("YAML",)),
    BadFile("settings/latin-1.yaml", "settings", raw(b"a: \xfc"), "SettingsError", ("YAML",)),
    BadFile("settings/deep.yaml", "settings", raw("[" * 5000), "SettingsError"),
    BadFile("settings/laughs.yaml", "settings", raw("a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(f"{n}: &{n} [{','.join([f'*{p}'] * 9)}]\n" for p, n in zip("abcdefghi", "bcdefghij", strict=True))), "SettingsError", ("no setting",)),
    BadFile("settings/unknown.yaml", "settings", raw("output: x\nmetric: y\nspeed: 3"), "SettingsError", ("speed",)),
    BadFile("settings/type.yaml", "settings", raw("output: x\nmetric: y\nepochs: many"), "SettingsError", ("epochs",)),
    BadFile("settings/nul.yaml", "settings", raw(b"output: \x00"), "SettingsError", ("YAML",)),
    BadFile("stores/text.sqlite3", "store", raw("no database at all" * 99), "StoreError", ("no SQLite database",)),
    BadFile("stores/cut.sqlite3", "store", lambda: b"SQLite format 3\0" + bytes(60), "StoreError"),
]  # fmt: skip

FILES = [*PHOTOS, *MASKS, *TEXTS]
