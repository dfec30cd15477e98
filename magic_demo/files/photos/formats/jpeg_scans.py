"""What a JPEG's markers say before it is unpacked: how many scans it has, where it ends, and whether anything
is missing."""

from __future__ import annotations

from dataclasses import dataclass, field

END = b"\xff\xd9"
_SCAN = b"\xff\xda"
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


@dataclass
class JpegScans:
    """What was found.

    scans: how many begin. end: where the file's first picture ends, None where its end marker is missing.
    progressive: whether scans refine one another. complete: whether every component's last refinement has
    begun, so that what is missing at the end is little.
    """

    scans: int = 0
    end: int | None = None
    progressive: bool = False
    components: int = 0
    refined: set[tuple[int, bool]] = field(default_factory=set)

    @property
    def complete(self) -> bool:
        """Return whether a picture that is cut short has begun to be drawn in full."""
        needed = 2 * self.components if self.progressive else 0
        return self.scans > 0 and len(self.refined) >= needed


def read_scans(data: bytes) -> JpegScans:
    """Walk a JPEG's markers; the picture's own data are skipped and not decoded."""
    found = JpegScans()
    position = 2
    # a segment: marker and length
    while data[position : position + 1] == b"\xff" and data[position + 1 : position + 2] != b"\xda":
        marker = data[position + 1] if position + 1 < len(data) else 0
        if marker == 0xFF:  # a byte that fills up
            position += 1
            continue
        if marker in _FRAMES:
            found.progressive = marker in _PROGRESSIVE
            found.components = data[position + 9] if position + 9 < len(data) else 0
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    end = data.find(END, position)  # inside the picture's own data a marker cannot occur
    found.end = end + 2 if end >= 0 else None
    position = data.find(_SCAN, position, found.end)
    while position >= 0:
        found.scans += 1
        _note_refinement(found, data[position : position + 16])
        position = data.find(_SCAN, position + 2, found.end)
    return found


def _note_refinement(found: JpegScans, header: bytes) -> None:
    """Note which components a scan brings to their last bit: the slowly varying part (False) or the rest
    (True)."""
    count = header[4] if len(header) > 4 else 0
    if not 1 <= count <= 4 or len(header) < 8 + 2 * count:
        return
    first, _, bits = header[5 + 2 * count : 8 + 2 * count]
    if bits & 15 == 0:
        found.refined.update((header[5 + 2 * number], first > 0) for number in range(count))
