"""Faces and tattoos that a reader covers: how the pixels go, and where the covered copies of photos in
folders of one's own are kept."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from filelock import FileLock
from PIL import Image

from magic_demo.core.disk.whole_files import make_folders, whole_file
from magic_demo.core.limits import LIMITS
from magic_demo.core.messages import Message
from magic_demo.core.review_types import CaseKey
from magic_demo.core.types import (
    EncounterFiles,
    Mask,
    Photo,
    PhotoFile,
    Pixels,
)
from magic_demo.reviews.store import folder_beside

BLOCKS = 6
"""How many blocks an area is covered with along its longer side, at most: too few for a face or a letter to
be told."""
COVERED_NOTE = Message("areas were covered; what lay beneath is gone")
PROPOSED_NOTE = Message("an area is hidden for you alone; an adjudicator decides whether it goes for good")
COVERED_SHARE = 0.2
"""Where readers sign in: of how much of a photo a reader who is no adjudicator may take the pixels at most;
more is a proposal."""
HOLD_SECONDS = 60
"""How long a covering waits for others of the same store."""


def cover_area(pixels: Pixels, area: Mask) -> Pixels:
    """Return a copy of (H, W, 3) ``pixels`` in which every connected part of the (H, W) ``area`` is coarse
    blocks of its mean colours.

    What is left of a part is one colour a block, at most BLOCKS x BLOCKS of them; pixels outside of it are
    not looked at.
    """
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(area.astype(np.uint8), connectivity=8)
    covered = pixels.copy()
    for number in range(1, count):
        left, top, width, height = (int(value) for value in boxes[number][:4])
        window = (slice(top, top + height), slice(left, left + width))
        inside = labels[window] == number
        side = -(-max(width, height) // BLOCKS)
        blocks = ((np.arange(height) // side)[:, None] * BLOCKS + np.arange(width) // side)[inside]
        sizes = np.maximum(np.bincount(blocks, minlength=BLOCKS**2), 1)
        part = covered[window]
        for colour in range(3):
            means = np.bincount(blocks, weights=part[:, :, colour][inside], minlength=BLOCKS**2) / sizes
            part[:, :, colour][inside] = np.rint(means).astype(np.uint8)[blocks]
    return covered


class CoveredPhotos:
    """Covered copies of photos whose files are the user's own and stay as they are; whatever the program
    reads or writes takes the copy.

    Names are digests: what a queue, a case or a photo is called never becomes a path.
    """

    def __init__(self, folder: Path) -> None:
        """Keep the copies below ``folder``, which need not be there yet."""
        self.folder = folder

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Let what takes pixels or photos for good follow one another, in every thread and program of the store:
        two that begin with the same photo would undo each other. Raises OSError where others hold it for too long."""
        make_folders(self.folder.parent, private=True)
        with FileLock(f"{self.folder}.lock", timeout=HOLD_SECONDS, mode=0o600):
            yield

    def folder_of(self, key: CaseKey) -> Path:
        """Return the folder of a case's copies; it is there once a photo of the case was covered."""
        return self.folder / _digest(f"{key.queue}\0{key.case_id}")

    def keep(self, key: CaseKey, photo: Photo) -> None:
        """Keep a covered photo in place of what was kept of it before. Raises OSError."""
        write_photo(self._path(key, photo.photo_id), photo)

    def forget(self, key: CaseKey, photo_id: str) -> None:
        """Delete the copy of a photo where there is one: the photo itself is about to take its place.

        Raises OSError.
        """
        self._path(key, photo_id).unlink(missing_ok=True)

    def turn(self, key: CaseKey) -> int:
        """Return a number that changes whenever a photo of the case is covered: pictures drawn before are of
        no use any more."""
        folder = self.folder_of(key)
        return folder.stat().st_mtime_ns if folder.is_dir() else 0

    def put_in_place(self, queue: str, files: EncounterFiles) -> EncounterFiles:
        """Return a case's files with the covered copies in place of the photos they were made of."""
        key = CaseKey(queue, files.encounter_id)
        if not self.folder_of(key).is_dir():
            return files
        return replace(files, photo_files=tuple(self._choose(key, photo) for photo in files.photo_files))

    def holds(self, path: Path | None) -> bool:
        """Return whether a file is one of the copies."""
        return path is not None and self.folder.absolute() in path.absolute().parents

    def _choose(self, key: CaseKey, photo: PhotoFile) -> PhotoFile:
        path = self._path(key, photo.photo_id)
        return replace(photo, place=str(path)) if path.exists() else photo

    def _path(self, key: CaseKey, photo_id: str) -> Path:
        return self.folder_of(key) / _digest(photo_id)


def covered_beside(location: str) -> CoveredPhotos:
    """Return the covered copies of a store, by ``Store.location``."""
    return CoveredPhotos(folder_beside(location, "covered"))


def write_photo(path: Path, photo: Photo) -> None:
    """Write a photo's pixels, whole or not at all: as a JPEG where the name says so or a PNG would be more
    than is taken in, else as a PNG. Raises OSError."""
    picture = Image.fromarray(photo.pixels)
    with whole_file(path) as part:
        small = path.suffix.lower() in (".jpg", ".jpeg")
        if not small:
            picture.save(part, format="PNG", compress_level=1)
        if small or part.stat().st_size > LIMITS.photo_bytes:
            picture.save(part, format="JPEG", quality=95, subsampling=0)


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:32]
