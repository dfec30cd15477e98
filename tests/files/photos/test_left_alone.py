"""A photo's process whose program was killed ends without a word."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from dataclasses import astuple

import numpy as np
import pytest
from PIL import Image

from magic_demo.files.photos.bounds import DEFAULT_LIMITS
from magic_demo.files.photos.processes.worker import REQUEST


def _request() -> bytes:
    """Return a request whose answer is far longer than a pipe holds."""
    noise = np.random.default_rng(0).integers(0, 256, (700, 900, 3), dtype=np.uint8)
    photo = io.BytesIO()
    Image.fromarray(noise).save(photo, "PNG")
    about = json.dumps({"name": "photo.png", "limits": astuple(DEFAULT_LIMITS)}).encode()
    return REQUEST.pack(len(about), len(photo.getvalue())) + about + photo.getvalue()


@pytest.mark.parametrize("sent", ["all of a request", "half of a request", "half of its lengths"])
def test_a_process_whose_program_is_gone_ends_without_a_word(sent: str) -> None:
    whole = _request()
    process = subprocess.Popen(
        [sys.executable, "-m", "magic_demo.files.photos.processes.worker"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None and process.stdout is not None and process.stderr is not None
    process.stdout.read(9)  # it is ready
    length = {"all of a request": len(whole), "half of a request": len(whole) // 2, "half of its lengths": 5}
    process.stdin.write(whole[: length[sent]])
    process.stdin.flush()
    process.stdout.close()
    process.stdin.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(60) == 0
