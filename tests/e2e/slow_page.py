"""``python -m tests.e2e.slow_page PORT FOLDER``: the page over a model as slow as a test wants: it is done
with photo N once FOLDER/N is there."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import numpy as np

from magic_demo.page.build import Desk, PredictorSource, build_app, launch_settings, list_gates, list_routes
from magic_demo.synthetic.bundled import load_examples
from tests.support.fake_predictor import FakePredictor

THRESHOLD = 0.4


def slow_predictor(folder: Path) -> FakePredictor:
    """Return a predictor that finds the same disc on every photo, and waits for FOLDER/N before photo N's."""
    rows, columns = np.mgrid[:64, :64]
    disc = np.clip(1.2 - np.hypot(rows - 32, columns - 32) / 30, 0, 1).astype(np.float32)

    def wait(number: int) -> None:
        while not (folder / f"{number}").exists():
            time.sleep(0.02)

    return FakePredictor(disc, THRESHOLD, wait)


def main() -> None:
    """Serve until killed."""
    port, folder = int(sys.argv[1]), Path(sys.argv[2])
    source = PredictorSource(lambda: slow_predictor(folder))
    source.start()
    desk, host = Desk(), "127.0.0.1"
    app = build_app(source, load_examples(), desk)
    settings = launch_settings(list_routes(source, load_examples(), desk, host), list_gates(None, host))
    app.launch(server_name=host, server_port=port, prevent_thread_lock=True, **settings)
    app.block_thread()


if __name__ == "__main__":
    main()
