"""Colours that a photo's file tells by numbers instead of an ICC profile (H.273 codes, PNG's gAMA and cHRM)
become one."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from magic_demo.core.messages import Message

HIGH_RANGE = Message(
    "its colours are of a high dynamic range, which is not converted; they are taken as sRGB"
)
UNKNOWN = Message("its colours are told by numbers that are not known; they are taken as sRGB")
_D65, _DCI_WHITE = (0.3127, 0.3290), (0.314, 0.351)
_SRGB = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, *_D65)
_P3 = (0.680, 0.320, 0.265, 0.690, 0.150, 0.060)
_BT_601 = (0.630, 0.340, 0.310, 0.595, 0.155, 0.070, *_D65)
_PRIMARIES: dict[int, tuple[str, tuple[float, ...]]] = {
    1: ("sRGB", _SRGB),
    2: ("sRGB", _SRGB),  # "unspecified"
    5: ("BT.601", (0.64, 0.33, 0.29, 0.60, 0.15, 0.06, *_D65)),
    6: ("BT.601", _BT_601),
    7: ("BT.601", _BT_601),
    9: ("BT.2020", (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, *_D65)),
    11: ("DCI-P3", (*_P3, *_DCI_WHITE)),
    12: ("Display P3", (*_P3, *_D65)),
}
"""H.273 colour primaries: their name, and x and y of red, green, blue and white."""
_LIKE_SRGB = (1, 2, 6, 11, 13, 14, 15)
"""H.273 transfer characteristics that displays show as sRGB's curve: a camera's BT.709 curve among them."""
_GAMMAS = {4: 2.2, 5: 2.8, 8: 1.0}
_HIGH_RANGE = (16, 18)
_USUAL_GAMMA = (0.44, 0.47)
"""PNG's gAMA for sRGB: writers put 1/2.2 for its curve."""
_D50 = np.array([0.9642, 1.0, 0.8249])
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


@dataclass(frozen=True)
class CodedColours:
    """What the numbers mean: x and y of red, green, blue and white, and the curve's exponent; None: sRGB's
    curve. ``name`` is said."""

    name: str
    primaries: tuple[float, ...]
    gamma: float | None = None

    def profile(self, mode: str) -> bytes:
        """Return an ICC profile (version 4) of these colours, for Pillow's ``mode`` RGB or L.

        Raises ValueError for impossible primaries.
        """
        curve = _curve(self.gamma)
        tags = [(b"desc", _text(self.name)), (b"cprt", _text("none")), (b"wtpt", _xyz(_D50))]
        if mode == "L":
            return _write_profile(b"GRAY", [*tags, (b"kTRC", curve)])
        columns = _columns(self.primaries)
        colours = [
            (letter + b"XYZ", _xyz(columns[:, number])) for number, letter in enumerate((b"r", b"g", b"b"))
        ]
        return _write_profile(
            b"RGB ", [*tags, *colours, *((letter + b"TRC", curve) for letter in (b"r", b"g", b"b"))]
        )


def read_codes(primaries: int, transfer: int) -> tuple[CodedColours | None, Message | None]:
    """Return what two H.273 codes mean, None for sRGB, and a note where they cannot be converted."""
    if transfer in _HIGH_RANGE:
        return None, HIGH_RANGE
    if primaries not in _PRIMARIES or not (transfer in _LIKE_SRGB or transfer in _GAMMAS):
        return None, UNKNOWN
    name, points = _PRIMARIES[primaries]
    gamma = _GAMMAS.get(transfer)
    if gamma is not None and points == _SRGB:
        name = f"gamma {gamma:g}"
    return (None if points == _SRGB and gamma is None else CodedColours(name, points, gamma)), None


def read_heif_codes(info: Mapping[Any, Any]) -> tuple[CodedColours | None, Message | None]:
    """Return what a HEIC photo's nclx box means, as its library hands it on."""
    found = info.get("nclx_profile")
    return (
        read_codes(found["color_primaries"], found["transfer_characteristics"])
        if isinstance(found, dict)
        else (None, None)
    )


def read_avif_codes(data: bytes) -> tuple[CodedColours | None, Message | None]:
    """Return what an AVIF's nclx box means, the first one where pictures of a file differ."""
    for meta in _find_boxes(data, b"meta"):
        for properties in _find_boxes(meta[4:], b"iprp"):
            for container in _find_boxes(properties, b"ipco"):
                for box in _find_boxes(container, b"colr"):
                    if box[:4] == b"nclx" and len(box) >= 8:
                        return read_codes(*struct.unpack_from(">HH", box, 4))
    return None, None


def read_png_codes(data: bytes, info: Mapping[Any, Any]) -> tuple[CodedColours | None, Message | None, bool]:
    """Return what a PNG's cICP chunk means, else its gAMA and cHRM where no sRGB chunk stands beside them;
    and whether it is cICP's.

    cICP counts more than a profile, a profile more than the others. info: what Pillow read of the others.
    """
    position = 8
    while position + 12 <= len(data):
        length, kind = int.from_bytes(data[position : position + 4], "big"), data[position + 4 : position + 8]
        if kind == b"cICP" and length == 4:
            return *read_codes(data[position + 8], data[position + 9]), True
        if kind == b"IDAT":
            break
        position += 12 + length
    gamma = info.get("gamma")
    if "srgb" in info or not isinstance(gamma, float) or not 0.1 <= gamma <= 10:
        return None, None, False
    exponent = None if _USUAL_GAMMA[0] <= gamma <= _USUAL_GAMMA[1] else 1 / gamma
    given = info.get("chromaticity")
    points = (*given[2:], *given[:2]) if isinstance(given, tuple) and len(given) == 8 else _SRGB
    near = all(abs(point - standard) < 0.001 for point, standard in zip(points, _SRGB, strict=True))
    if near and exponent is None:
        return None, None, False
    return (
        CodedColours(
            f"gamma {1 / gamma:.2g}" if near else Message("primaries of its own"),
            _SRGB if near else points,
            exponent,
        ),
        None,
        False,
    )


def _find_boxes(data: bytes, wanted: bytes) -> Iterator[bytes]:
    """Yield the content of the boxes of one kind, of those that lie side by side in ``data``."""
    position = 0
    while position + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, position)
        head = 8
        if size == 1 and position + 16 <= len(data):
            size, head = struct.unpack_from(">Q", data, position + 8)[0], 16
        size = size or len(data) - position
        if size < head:
            return
        if kind == wanted:
            yield data[position + head : position + size]
        position += size


def _columns(points: Sequence[float]) -> NDArray[np.float64]:
    """Return X, Y, Z of red, green and blue as columns, seen under D50's light.

    Raises ValueError for points that span no colours.
    """
    xyz = np.array([_from_point(points[index], points[index + 1]) for index in range(0, 8, 2)])
    try:
        amounts = np.linalg.solve(xyz[:3].T, xyz[3])
        there, white = _BRADFORD @ _D50, _BRADFORD @ xyz[3]
        columns: NDArray[np.float64] = (
            np.linalg.inv(_BRADFORD) @ np.diag(there / white) @ _BRADFORD @ (xyz[:3].T * amounts)
        )
    except (np.linalg.LinAlgError, ZeroDivisionError) as error:
        raise ValueError("primaries that span no colours") from error
    if not (np.isfinite(columns).all() and (amounts > 0).all() and np.abs(columns).max() < 4):
        raise ValueError("primaries that span no colours")
    return columns


def _from_point(x: float, y: float) -> tuple[float, float, float]:
    if y <= 0:
        raise ValueError("primaries that span no colours")
    return x / y, 1.0, (1 - x - y) / y


def _fixed(*numbers: float) -> bytes:
    return b"".join(struct.pack(">i", round(number * 65536)) for number in numbers)


def _xyz(values: Sequence[float] | NDArray[np.float64]) -> bytes:
    return b"XYZ " + bytes(4) + _fixed(*(float(value) for value in values))


def _curve(gamma: float | None) -> bytes:
    if gamma is None:
        return (
            b"para"
            + bytes(4)
            + struct.pack(">HH", 3, 0)
            + _fixed(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
        )
    return b"para" + bytes(4) + struct.pack(">HH", 0, 0) + _fixed(gamma)


def _text(words: str) -> bytes:
    encoded = words.encode("utf-16-be")
    return (
        b"mluc"
        + bytes(4)
        + struct.pack(">II", 1, 12)
        + b"enUS"
        + struct.pack(">II", len(encoded), 28)
        + encoded
    )


def _write_profile(space: bytes, tags: Sequence[tuple[bytes, bytes]]) -> bytes:
    table, content, start = b"", b"", 128 + 4 + 12 * len(tags)
    for name, body in tags:
        table += name + struct.pack(">II", start + len(content), len(body))
        content += body + bytes(-len(body) % 4)
    head = bytearray(128)
    head[0:4], head[8:12], head[12:24] = (
        struct.pack(">I", start + len(content)),
        b"\x04\x20\0\0",
        b"mntr" + space + b"XYZ ",
    )
    head[36:40], head[68:80] = b"acsp", _fixed(*_D50)
    return bytes(head) + struct.pack(">I", len(tags)) + table + content
