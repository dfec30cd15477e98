"""A process that unpacks photos for another one: what a hostile file does to it, it does to this process
alone.

It is started by ``workers`` and speaks with it through its standard input and output. A request is two
lengths (``REQUEST``), a JSON object and the file; the answer is a row of pieces (``PIECE``: a letter and a
length), ending with DONE or REFUSED. Nothing is pickled on either side.
"""

from __future__ import annotations

import json
import os
import signal
import struct
import sys
import tempfile
import warnings
from collections.abc import Callable
from contextlib import suppress
from io import BufferedReader, FileIO
from typing import Any, BinaryIO

import numpy as np

REQUEST = struct.Struct(">IQ")
PIECE = struct.Struct(">cQ")
READY, SIZE, ROWS, DONE, REFUSED = b"R", b"S", b"P", b"E", b"X"
SPARE = 160 * 2**20
"""Bytes that unpacking may take beside what the photo's pixels and its file need."""
LONGEST_LINE = 160


def main() -> None:
    """Answer requests until the other side closes its end, or is gone in the middle of one."""
    try:
        _answer_requests()
    except (BrokenPipeError, EOFError):
        os._exit(0)  # nobody reads what is left, and flushing it would fail again


def _answer_requests() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the program, which ends this one
    warnings.simplefilter("ignore")  # about tags that are dropped
    requests = BufferedReader(FileIO(os.dup(0)))
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is not an answer
    from magic_demo.core.process.niceness import PHOTOS, give_way
    from magic_demo.files.photos.decoding import limit_threads
    from magic_demo.files.pillow import own_bounds

    give_way(PHOTOS)
    limit_threads()
    _send(answers, READY, b"")
    with own_bounds():
        while requests.peek(1):
            about_size, size = REQUEST.unpack(_read(requests, REQUEST.size))
            about = json.loads(_read(requests, about_size))
            _answer(_read(requests, size), about, answers)


def _read(requests: BinaryIO, size: int) -> bytes:
    data = requests.read(size)
    if len(data) < size:
        raise EOFError
    return data


def _answer(data: bytes, about: dict[str, Any], answers: BinaryIO) -> None:
    from magic_demo.core.errors import PhotoError
    from magic_demo.core.messages import pack_message
    from magic_demo.files.photos.bounds import PhotoLimits
    from magic_demo.files.photos.decoding import named, open_picture

    report: dict[str, Any] = {}
    with tempfile.TemporaryFile() as printed:
        before = os.dup(2)
        for descriptor in (1, 2):
            os.dup2(printed.fileno(), descriptor)
        try:
            make_room = _limit_memory(2 * len(data))
            with named(about["name"]):
                picture = open_picture(data, about["name"], PhotoLimits(*about["limits"]), make_room)
                _send(answers, SIZE, json.dumps([picture.height, picture.width]).encode())
                for band in picture.bands():
                    _send(answers, ROWS, np.ascontiguousarray(band).data.cast("B"))
            letter, report["notes"] = DONE, [pack_message(note) for note in picture.notes]
        except PhotoError as error:
            letter, report["problem"] = REFUSED, pack_message(error.message)
        finally:
            _limit_memory(None)
            sys.stderr.flush()
            for descriptor in (1, 2):
                os.dup2(before, descriptor)
            os.close(before)
        report["printed"] = _read_printed(printed)
    _send(answers, letter, json.dumps(report).encode())


def _send(answers: BinaryIO, letter: bytes, content: bytes | memoryview) -> None:
    answers.write(PIECE.pack(letter, len(content)))
    answers.write(content)
    answers.flush()


def _read_printed(printed: BinaryIO) -> list[str]:
    """Return what libraries printed meanwhile, a few lines of it."""
    printed.seek(0)
    lines = printed.read(4096).decode("utf-8", "replace").splitlines()
    shown = [
        "".join(letter for letter in line.strip() if letter.isprintable())[:LONGEST_LINE] for line in lines
    ]
    return [line for line in dict.fromkeys(shown) if line][:3]


def _limit_memory(spare: int | None) -> Callable[[int], None]:
    """Bound what this process may ask for beyond what it has now: SPARE and ``spare``; None: no more bound.

    Returns how to allow more.

    Where the system keeps no such limit (Windows) or none that can be measured (macOS) nothing is done: the
    deadline holds there.
    """
    try:
        import resource

        with open("/proc/self/statm", encoding="ascii") as statm:  # noqa: PTH123 - read for every photo
            now = int(statm.read().split()[0]) * resource.getpagesize()
    except (ImportError, OSError):
        return lambda _: None
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]

    def bound(most: int) -> None:
        with suppress(ValueError, OSError):  # a tighter limit of the system's holds
            resource.setrlimit(resource.RLIMIT_AS, (most, hard))

    if spare is None:
        bound(hard)
        return lambda _: None
    bound(now + SPARE + spare)
    return lambda count: bound(now + SPARE + spare + count)


if __name__ == "__main__":
    main()
