"""How the page's program ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BUSY = """
import atexit, sys, threading, time
import torch
from magic_demo.core.process.ending import end_program

begun = threading.Semaphore(0)

def compute():
    layer, photo = torch.nn.Conv2d(64, 64, 3), torch.rand(1, 64, 128, 128)
    begun.release()
    while True:
        with torch.inference_mode():
            layer(photo).numpy()

for _ in range(3):
    threading.Thread(target=compute, daemon=True).start()
    begun.acquire()
time.sleep(0.3)  # all three are inside torch now
atexit.register(print, "left for the end", end="")
end_program(3)
"""


def test_a_program_whose_models_compute_ends_with_its_exit_code_and_does_what_was_left_for_the_end(
    repository: Path,
) -> None:
    """Python's own end aborts it: exit code -6, each time that was tried."""
    ended = subprocess.run(
        [sys.executable, "-c", BUSY], cwd=repository, capture_output=True, text=True, timeout=120, check=False
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (3, "left for the end", "")
