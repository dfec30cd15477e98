"""What is committed to SQLite reaches the disk: one wait for the disk serves all who wait at once."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from magic_demo.core.errors import MagicDemoError, StoreError

COMMITS_A_CHECKPOINT = 50
"""Commits after which the log is written back into the database, beside whoever saves."""

ROOM = 8 * 2**20
"""Bytes that the log has from the beginning: a file that grows waits for whatever else its disk is writing."""

_sync = getattr(os, "fdatasync", os.fsync)


def make_room(log: Path) -> None:
    """Let a log that is there be ROOM bytes long at least; SQLite reads no further than what it has written.

    Only who holds the database's lock for writing may: the zeros would fall on what another one writes.
    Raises OSError.
    """
    try:
        file = os.open(log, os.O_RDWR | getattr(os, "O_BINARY", 0))
    except FileNotFoundError:
        return
    try:
        size = os.fstat(file).st_size
        if size < ROOM:
            os.lseek(file, size, os.SEEK_SET)
            zeros = memoryview(bytes(ROOM - size))
            while zeros:
                zeros = zeros[os.write(file, zeros) :]
            os.fsync(file)
    finally:
        os.close(file)


class LogSync:
    """The write-ahead log of one database.

    With ``synchronous=FULL`` SQLite waits for the disk within a commit, while nobody else can write; a disk
    that takes a tenth of a second then holds up every save behind it. Here a commit only appends to the log
    (``synchronous=NORMAL``), the next writer goes on, and who has committed waits for the disk afterwards.
    The log is one file: whatever is before a commit in it is on the disk when that commit is.
    """

    def __init__(self, log: Path, checkpoint: Callable[[], None]) -> None:
        """Sync this log. ``checkpoint`` writes it back into the database, and may raise StoreError."""
        self._log, self._checkpoint = log, checkpoint
        self._changed = threading.Condition()
        self._committed = self._synced = self._since_checkpoint = 0
        self._syncing = False
        self._writing_back: threading.Thread | None = None

    def wait(self) -> None:
        """Return once everything that was committed before the call is on the disk. Raises StoreError."""
        with self._changed:
            self._committed += 1
            self._since_checkpoint += 1
            mine = self._committed
            while self._synced < mine and self._syncing:
                self._changed.wait()
            if self._synced >= mine:
                return
            self._syncing, newest = True, self._committed
        done = False
        try:
            self._sync_file()
            done = True
        finally:
            with self._changed:
                self._syncing = False
                if done:
                    self._synced = max(self._synced, newest)
                self._changed.notify_all()
        self._write_back()

    def close(self) -> None:
        """Wait for a checkpoint that is under way."""
        if self._writing_back is not None:
            self._writing_back.join()

    def _sync_file(self) -> None:
        try:
            file = os.open(self._log, os.O_RDWR)
        except FileNotFoundError:  # the last connection has written it back, and waited for the disk
            return
        except OSError as error:
            raise StoreError(
                "{path}: cannot be opened ({reason}); check the permissions",
                path=self._log,
                reason=error.strerror,
            ) from error
        try:
            _sync(file)
        except OSError as error:
            raise StoreError(
                "{path}: the disk does not take what was saved ({reason}); check the disk, then save again",
                path=self._log,
                reason=error.strerror,
            ) from error
        finally:
            os.close(file)

    def _write_back(self) -> None:
        with self._changed:
            if self._since_checkpoint < COMMITS_A_CHECKPOINT or (
                self._writing_back is not None and self._writing_back.is_alive()
            ):
                return
            self._since_checkpoint = 0
            self._writing_back = threading.Thread(target=self._try_checkpoint, name="checkpoint", daemon=True)
            self._writing_back.start()

    def _try_checkpoint(self) -> None:
        with suppress(MagicDemoError):  # nothing is lost: the log stays, and whoever saves next is told
            self._checkpoint()
