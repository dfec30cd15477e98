"""The real page in a process of its own, with stand-in models, readers who sign in and two cases: what it
logs is in a file."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from tests.conftest import REPOSITORY
from tests.support.page_client import PageClient

START_SECONDS = 300
NAME, PASSWORD = "Ann", "a long password"
READY = "the page is there"


class LivePage:
    """The process, started and stopped; ``folder`` holds its store and its log."""

    def __init__(self, folder: Path) -> None:
        self.log_file = folder / "log.txt"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{port}"
        words = [sys.executable, "-m", "tests.support.live_page", str(folder), str(port)]
        with self.log_file.open("w") as output:
            self.process = subprocess.Popen(
                words,
                cwd=REPOSITORY,
                stdout=output,
                stderr=output,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        end = time.monotonic() + START_SECONDS
        while READY not in self.log():
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"the page did not start:\n{self.log()}")
            time.sleep(0.05)
        self.client = PageClient(self.address, NAME, PASSWORD)

    def log(self) -> str:
        """Return all that the process has written so far."""
        return self.log_file.read_text(encoding="utf-8", errors="backslashreplace")

    def stop(self) -> None:
        """End the process."""
        self.client.close()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def serve(folder: Path, port: int) -> None:
    """Serve the page until the process is ended."""
    from PIL import Image

    from magic_demo.page.build import (
        Desk,
        PredictorSource,
        build_app,
        launch_settings,
        list_gates,
        list_routes,
    )
    from magic_demo.page.session.inference.source import EncounterPredictor
    from magic_demo.page.session.sign_in.sign_ins import SignIns
    from magic_demo.reviews.store import Store
    from magic_demo.synthetic.bundled import load_examples

    def load() -> EncounterPredictor:
        # importing torch takes seconds, for which the page does not wait
        from tests.support.stand_ins import stand_in_predictor

        return stand_in_predictor()

    clinic = folder / "clinic"
    clinic.mkdir()
    for number in (1, 2):
        Image.new("RGB", (64, 48), (200, 140, 130)).save(clinic / f"IMG_ENC0000{number}_00001.png")
    with Store.open(folder / "store") as store:
        store.add_reader(NAME, role="adjudicator", password=PASSWORD)
        store.add_reader("Bo", password=PASSWORD)
        desk = Desk(store, sign_ins=SignIns(store))
        desk.add_queue(clinic)
        source, examples = PredictorSource(load), load_examples()
        app = build_app(source, examples, desk)
        settings = launch_settings(
            list_routes(source, examples, desk), list_gates(desk.sign_ins, "127.0.0.1")
        )
        app.launch(server_name="127.0.0.1", server_port=port, prevent_thread_lock=True, **settings)
        source.start()
        print(READY, flush=True)
        stop = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: stop.set())
        stop.wait()
        app.close(verbose=False)


if __name__ == "__main__":
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    sys.modules.setdefault("matplotlib", None)  # type: ignore[arg-type]
    parser = argparse.ArgumentParser(description="Serve the page with stand-in models.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("port", type=int)
    arguments = parser.parse_args()
    serve(arguments.folder, arguments.port)
