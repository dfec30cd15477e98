"""Which photos lie below a folder, found by name however the name is written; and what else lies there, so
that nothing is passed over."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

from magic_demo.core.disk.user_files import read_user_head
from magic_demo.core.messages import Message
from magic_demo.core.types import RemoteFile
from magic_demo.files.photos.kinds import OTHER_PICTURES, PHOTO_SUFFIXES, sniff_kind

Found = TypeVar("Found")
MOST_NAMED = 5
"""Files that are no photos, of those that a note names."""
_THUMBNAILS = re.compile(r"(?:^|[^a-z])(?:thumbs?|thumbnails?|previews?|lowres)(?:$|[^a-z])")


class PhotoIndex:
    """The photos below a folder, by name without ending; hidden files and folders are nobody's.

    split: photos in a folder ``images_<split>`` come first. ``others``: files whose ending is no photo's.
    listed: of a folder that lies elsewhere, every file by the path that it would have below ``folder``.
    """

    def __init__(
        self, folder: Path, split: str | None, listed: Mapping[str, RemoteFile] | None = None
    ) -> None:
        self._folder, self._split, self._listed = folder, split, listed or {}
        self._exact: dict[str, list[str]] = {}  # texts: a million paths take three times as much
        self._folded: dict[str, str] | None = None
        self._by_stem: dict[str, list[Path]] | None = None
        self.others: list[Path] = []
        for top, name in _walk(folder) if listed is None else _walk_listed(folder, listed):
            stem, dot, ending = name.rpartition(".")
            if f"{dot}{ending}".lower() not in PHOTO_SUFFIXES:
                self.others.append(Path(top, name))
            else:
                self._exact.setdefault(_compose(stem), []).append(f"{top}/{name}")

    def stems(self) -> list[str]:
        """Return all names, sorted, their letters composed."""
        return sorted(self._exact)

    def of(self, stem: str) -> list[str]:
        """Return the photos of a name, the one to take first: not a thumbnail, the largest, the least
        deep."""
        composed = _compose(stem)
        names = self._exact.get(composed) or self._exact.get(self._fold(composed), [])
        if len(names) < 2:
            return names
        paths = sorted(
            map(Path, names),
            key=lambda path: (*self._rank(path), -self._size(path), len(path.parts), str(path)),
        )
        return [str(path) for path in paths]

    def place_of(self, name: str) -> str | RemoteFile:
        """Return where a photo of ``of`` is read."""
        return self._listed.get(name, name)

    def find(self, stem: str, name: str) -> tuple[str | RemoteFile | None, str]:
        """Return the photo that a JSON calls ``name``, None where there is none, and a line where another one
        could be meant, else "".

        Of one folder, the file with the very ending comes before another.
        """
        found, doubt = self._choose(stem, name)
        return None if found is None else self.place_of(found), doubt

    def _choose(self, stem: str, name: str) -> tuple[str | None, str]:
        names = self.of(stem)
        if len(names) < 2:
            return (names[0] if names else self._find_other(stem, name)), ""
        paths = [Path(one) for one in names]
        beside = [path for path in paths if path.parent == paths[0].parent]
        wanted = _compose(name)
        exact = [path for path in beside if _compose(path.name) == wanted] or [
            path for path in beside if _compose(path.name).casefold() == wanted.casefold()
        ]
        chosen = (exact or paths)[0]
        rivals = [
            path
            for path in paths
            if path.parent != chosen.parent
            and self._rank(path) == self._rank(chosen)
            and self._size(path) not in (0, self._size(chosen))
        ]
        if not rivals:
            return str(chosen), ""
        used, rival = (str(path.relative_to(self._folder)) for path in (chosen, rivals[0]))
        return str(chosen), Message(
            "{used} and {other} have the same name; the larger one is used, keep one of them",
            used=used,
            other=rival,
        )

    def _size(self, path: Path) -> int:
        listed = self._listed.get(str(path))
        return _size(path) if listed is None else listed.size or 0

    def _fold(self, composed: str) -> str:
        """Return the name that differs from a composed one in case alone, "" where there is none."""
        if self._folded is None:
            self._folded = {}
            for stem in self._exact:
                self._folded.setdefault(stem.casefold(), stem)
        return self._folded.get(composed.casefold(), "")

    def _find_other(self, stem: str, name: str) -> str | None:
        """Return a photo whose ending is no photo's (``11k2tzj.peg``), by its first bytes."""
        if self._by_stem is None:
            self._by_stem = {}
            for path in self.others:
                for key in (path.stem, path.name):
                    self._by_stem.setdefault(_compose(key).casefold(), []).append(path)
        for wanted in (stem, name):
            for path in self._by_stem.get(_compose(wanted).casefold(), ()):
                if not self._listed and sniff_kind(read_user_head(path, 132)):
                    return str(path)
        return None

    def _rank(self, path: Path) -> tuple[bool, bool]:
        parts = [part.casefold() for part in path.relative_to(self._folder).parts[:-1]]
        above = [part.casefold() for part in path.parts]
        split = (self._split or "").casefold()
        is_own = f"images_{split}" in above or ("images", split) in pairwise(above)
        return not is_own, any(_THUMBNAILS.search(part) for part in parts)


def match_case(found: Mapping[str, Found], wanted: Iterable[str]) -> dict[str, Found]:
    """Return what was found under the wanted names where they differ in case alone, the rest under its own."""
    matched = dict(found)
    names = list(wanted)
    folded = {name.casefold(): name for name in found if name not in set(names)}
    for name in names:
        other = folded.pop(name.casefold(), None) if name not in matched else None
        if other is not None:
            matched[name] = matched.pop(other)
    return matched


def name_others(others: Sequence[Path], folder: Path) -> tuple[list[str], tuple[str, ...]]:
    """Return a problem for each picture that is not read, and a note that names the rest, of which none is a
    picture."""
    problems: list[str] = []
    rest = []
    for path in others:
        name = _shown(str(path.relative_to(folder)))
        suffix = path.suffix.lower()
        if suffix in OTHER_PICTURES:
            problems.append(
                Message(
                    "{name}: a kind of picture that is not read ({suffix}); export it as JPEG or PNG",
                    name=name,
                    suffix=suffix,
                )
            )
        elif kind := sniff_kind(read_user_head(path, 132)):
            problems.append(
                Message(
                    "{name}: is a photo ({kind}) whose name has not the ending of one; rename it",
                    name=name,
                    kind=kind,
                )
            )
        else:
            rest.append(name)
    if not rest:
        return problems, ()
    shown, more = rest[:MOST_NAMED], len(rest) - MOST_NAMED
    if more > 0:
        note = Message("no photos, left out: {names} and {count} more", names=shown, count=more)
    else:
        note = Message("no photos, left out: {names}", names=shown)
    return problems, (note,)


def _walk(folder: Path) -> Iterator[tuple[str, str]]:
    for top, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith("."):
                yield top, name


def _walk_listed(folder: Path, listed: Iterable[str]) -> Iterator[tuple[str, str]]:
    for path in sorted(listed):
        below = path.removeprefix(f"{folder}/")
        if not below.startswith(".") and "/." not in below:
            top, _, name = path.rpartition("/")
            yield top, name


def _compose(name: str) -> str:
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # a link to nowhere
        return 0


def _shown(name: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in name)[:120]
