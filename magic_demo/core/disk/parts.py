"""What is half written: told by its name, held by a lock as long as its program lives, and swept by the next
one when that was killed."""

from __future__ import annotations

import os
import secrets
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from magic_demo.core.errors import MagicDemoError

fcntl: Any = None
"""None on Windows: no file is locked there, so that what a killed program left stays, as on a network folder
that knows no locks."""
with suppress(ImportError):
    fcntl = import_module("fcntl")

PREFIX, SUFFIX = ".magic-demo-", ".part"
CLAIM = f"{PREFIX}claim{SUFFIX}"
"""The file that lies in a folder as long as nobody has said whether its content is to stay."""
OWNER = ".belongs-to"
"""The file in a folder of kept photos that names its store, where several stores keep photos in one place."""
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)  # Windows has none
LOCK = f"{PREFIX}lock{SUFFIX}"
"""The file that lies in a folder while one program works there alone."""


def is_part(path: Path) -> bool:
    """Return whether a path is of something half written, by this version or an older one: hidden, and
    ``.part`` at its end."""
    return path.name.startswith(".") and path.name.endswith(SUFFIX)


def new_part(folder: Path, *, private: bool) -> tuple[Path, int]:
    """Make an empty part in a folder and return it with its handle, whose closing ends its life as one that
    somebody writes.

    private: only its owner can read it; else whoever can read a new file here. Raises OSError.
    """
    return _make(
        folder, lambda part: os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600 if private else 0o666)
    )


def new_part_folder(folder: Path, *, private: bool) -> tuple[Path, int]:
    """Make an empty part that is a folder; the rest as in ``new_part``."""

    def make(part: Path) -> int:
        part.mkdir(0o700 if private else 0o777)
        return _open_folder(part)

    return _make(folder, make)


def let_go(handle: int) -> int:
    """Return a handle to close later in place of one whose file is about to be moved or removed, which
    Windows refuses as long as it is open."""
    if fcntl is not None:
        return handle
    os.close(handle)
    return os.open(os.devnull, os.O_RDONLY)


def sweep_parts(folder: Path) -> tuple[str, ...]:
    """Remove the parts in a folder that no program writes any more, and return a line for each that cannot be
    removed."""
    return _sweep(
        [
            path
            for path in _list(folder)
            if path.name.startswith(PREFIX) and is_part(path) and path.name != CLAIM
        ]
    )


def sweep_below(folder: Path) -> tuple[str, ...]:
    """Remove the parts in and below a folder of the program's alone, those that older versions left as well;
    lines as ``sweep_parts``."""
    found: list[Path] = []
    for top, folders, files in os.walk(folder):
        parts = [name for name in (*folders, *files) if is_part(Path(name)) and name != CLAIM]
        folders[:] = [name for name in folders if name not in parts]
        found += [Path(top, name) for name in parts]
    return _sweep(found)


@lru_cache(maxsize=1024)
def sweep_once(folder: Path) -> tuple[str, ...]:
    """Remove the parts in a folder when this program writes into it for the first time."""
    return sweep_parts(folder)


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Give a private folder among the system's temporary files; it goes with the block, or by
    ``sweep_temporary`` where the program was killed."""
    part, handle = new_part_folder(Path(tempfile.gettempdir()), private=True)
    try:
        yield part
    finally:
        shutil.rmtree(part, ignore_errors=True)
        os.close(handle)


def sweep_temporary() -> tuple[str, ...]:
    """Remove the temporary folders of programs that were killed; lines as ``sweep_parts``."""
    return sweep_parts(Path(tempfile.gettempdir()))


class Claim:
    """A folder of which it is being said whether it stays: what says so, a row of the store, is added or
    deleted within the block.

    At the block's end, and at the next start where the program is killed before, the folder stays as it is if
    it is owned then, and else goes.
    """

    def __init__(self, folder: Path, is_owned: Callable[[Path], bool], whose: str, *, new: bool) -> None:
        """Claim a folder. new: make it, private. whose: see ``sweep_claims``.

        Raises FileExistsError when a new one is there already, OSError.
        """
        self.folder = folder
        self._is_owned = is_owned
        self._handle = _make_and_claim(folder, whose) if new else _claim(folder, whose)

    def __enter__(self) -> Self:
        """Return the claim; leaving the block ends it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Keep the folder or let it go.

        Raises OSError where it cannot go, and what ``is_owned`` raises, unless the block itself failed.
        """
        try:
            # then the next start decides
            with suppress(OSError, MagicDemoError) if error is not None else nullcontext():
                self._handle = let_go(self._handle)
                _decide(self.folder, self._is_owned)
        finally:
            os.close(self._handle)


def claim_new(folder: Path, whose: str) -> None:
    """Make a new private folder with a claim that nobody holds, under ``alone_at``: ``sweep_claims`` decides
    on it. Raises FileExistsError, OSError."""
    os.close(_make_and_claim(folder, whose))


def read_owner(folder: Path) -> str:
    """Return the store that a folder of kept photos belongs to, empty where none is named."""
    try:
        return (folder / OWNER).read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""


@contextmanager
def alone_at(folder: Path) -> Iterator[bool]:
    """Say whether no other program is within such a block for this folder, and keep others from it until the
    block ends. Raises OSError."""
    lock = folder / LOCK
    handle = os.open(lock, os.O_RDWR | os.O_CREAT | _NO_LINK, 0o600)
    alone = _lock(handle) is not False and _is_at(lock, handle)
    try:
        yield alone
    finally:
        handle = let_go(handle)
        if alone:
            lock.unlink(missing_ok=True)
        os.close(handle)


def sweep_claims(parent: Path, is_owned: Callable[[Path], bool], whose: str) -> tuple[str, ...]:
    """Decide on the folders in ``parent`` of which killed programs left undecided whether they stay: those
    that ``is_owned`` stay, the others go.

    Folders without a claim are let be, and so are those that a living program has claimed, or one of another
    name than ``whose``: several stores may keep photos in one place. Returns a line for each that cannot be
    removed.
    """
    lines = []
    for folder in _list(parent):
        try:
            if is_part(folder) or folder.is_symlink() or not folder.is_dir():
                continue
            if not any(folder.iterdir()):
                folder.rmdir()  # killed before it was claimed
            elif (folder / CLAIM).exists() and (handle := _take(folder / CLAIM)) is not None:
                try:
                    if ((folder / CLAIM).read_text(encoding="utf-8") or read_owner(folder)) in ("", whose):
                        _decide(folder, is_owned)
                finally:
                    os.close(handle)
        except FileNotFoundError:  # another program sweeps here
            continue
        except OSError as error:
            lines.append(_say(folder, error))
    return tuple(lines)


def _decide(folder: Path, is_owned: Callable[[Path], bool]) -> None:
    if is_owned(folder):
        (folder / CLAIM).unlink(missing_ok=True)
        return
    part = folder.with_name(f"{PREFIX}{secrets.token_hex(6)}{SUFFIX}")
    handle = _open_folder(folder)
    try:
        _lock(handle)  # nobody else sweeps it meanwhile
        folder.rename(part)  # gone at once as far as its name goes
        shutil.rmtree(part)
    finally:
        os.close(handle)


def _make(folder: Path, make: Callable[[Path], int]) -> tuple[Path, int]:
    while True:
        part = folder / f"{PREFIX}{secrets.token_hex(6)}{SUFFIX}"
        try:
            handle = make(part)
        except FileExistsError:
            continue
        if _lock(handle) is not False and (fcntl is None or _is_at(part, handle)):
            return part, handle
        os.close(handle)  # swept before it was locked


def _make_and_claim(folder: Path, whose: str) -> int:
    while True:
        folder.mkdir(0o700)
        with suppress(FileNotFoundError):  # swept before it was claimed
            handle = _claim(folder, whose)
            if whose:
                (folder / OWNER).write_text(whose, encoding="utf-8", errors="replace")
            return handle


def _claim(folder: Path, whose: str) -> int:
    while True:
        handle = os.open(folder / CLAIM, os.O_RDWR | os.O_CREAT | _NO_LINK, 0o600)
        if _lock(handle) is not False and _is_at(folder / CLAIM, handle):
            os.ftruncate(handle, 0)
            os.write(handle, whose.encode("utf-8", "replace"))
            return handle
        os.close(handle)
        time.sleep(0.01)  # another program has claimed it


def _list(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def _sweep(paths: list[Path]) -> tuple[str, ...]:
    lines = []
    for path in paths:
        try:
            handle = _take(path)
            if handle is None:
                continue
            try:
                if stat.S_ISDIR(os.fstat(handle).st_mode):
                    shutil.rmtree(path)
                else:
                    path.unlink()
            finally:
                os.close(handle)
        except FileNotFoundError:  # another program sweeps here, or it was whole in the end
            continue
        except OSError as error:
            lines.append(_say(path, error))
    return tuple(lines)


def _take(path: Path) -> int | None:
    """Return a handle that holds a part which nobody writes any more; None for one that is held, or that is
    not this user's own file or folder."""
    if fcntl is None:
        return None
    status = path.lstat()
    if status.st_uid != os.geteuid() or not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
        return None
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    if _lock(handle) and _is_at(path, handle):
        return handle
    os.close(handle)
    return None


def _lock(handle: int) -> bool | None:
    """Lock a file until its handle is closed or its program ends, however it ends.

    False: somebody else has; None: no file can be locked here.
    """
    if fcntl is None:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        # some network folders; what is left there stays, as nobody can tell whether it is still written
        return None
    return True


def _open_folder(folder: Path) -> int:
    """Return a handle of a folder, followed through no link; Windows opens none, and nothing is locked
    there."""
    return os.open(os.devnull, os.O_RDONLY) if fcntl is None else os.open(folder, os.O_RDONLY | os.O_NOFOLLOW)


def _is_at(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(path.lstat(), os.fstat(handle))
    except FileNotFoundError:
        return False


def _say(path: Path, error: OSError) -> str:
    return (
        f"{path}: what a program that was stopped left here cannot be removed ({error.strerror or error}); "
        "delete it"
    )
