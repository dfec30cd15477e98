"""Models in every server process, against one process that all of them ask over HTTP: memory and latency.

``python -m benchmarks.inference_process --processes 2 4``: each process has the page imported, as a server has, and
asks for the prediction of one 12-megapixel photo again and again, all at once: with models of its own, and of a
process beside them (Starlette and uvicorn, the photo's file as it is, one prediction at a time, the map comes back).
Said are the private memory of all processes together and the median and the longest time of an answer.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image

from magic_demo.core.types import Encounter, Narrative
from magic_demo.files.photos.processes.workers import shared_workers
from magic_demo.synthetic.cases import write_cases

ROUNDS = 8
SIZE = (4000, 3000)
WORDS = Narrative("A red spot on the arm for two weeks. It itches.")


def read_private() -> float:
    """Return the memory that is this process's alone, in MB."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1024


class Models:
    """The shipped models over one photo's file."""

    def __init__(self) -> None:
        from magic_demo.models.loading.predictors import load_predictor

        self._predictor = load_predictor()
        self._turn = threading.Lock()

    def ask(self, data: bytes) -> bytes:
        """Return the probability map as numpy writes it; one prediction at a time."""
        photo = shared_workers().decode(data, photo_id="photo")
        with self._turn:
            prediction = self._predictor.predict(Encounter("CASE", WORDS, (photo,)))
        buffer = io.BytesIO()
        np.save(buffer, prediction.photos[0].probability)
        return buffer.getvalue()


def serve(port: int) -> None:
    """Be the process that has the models."""
    import uvicorn
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    models = Models()

    async def predict(request: Request) -> Response:
        return Response(await run_in_threadpool(models.ask, await request.body()))

    async def memory(_: Request) -> Response:
        return Response(json.dumps(read_private()))

    routes = [Route("/predict", predict, methods=["POST"]), Route("/memory", memory)]
    uvicorn.run(Starlette(routes=routes), host="127.0.0.1", port=port, log_level="error")


def be_server_process(data: bytes, address: str) -> None:
    """Ask again and again, and print the seconds and the memory. address: empty for models of its own."""
    import magic_demo.page.build  # noqa: F401 - what a server process holds in any case

    own = None if address else Models()
    asking = httpx.Client(timeout=120, trust_env=False)

    def ask() -> None:
        if own is not None:
            own.ask(data)
        else:
            asking.post(f"{address}/predict", content=data).raise_for_status()

    ask()
    print("ready", flush=True)
    sys.stdin.readline()
    took = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        ask()
        took.append(time.perf_counter() - began)
    print(json.dumps({"took": took, "memory": read_private()}), flush=True)


def measure(processes: int, photo: Path, *, shared: bool) -> dict[str, float]:
    """Return the memory of all processes in MB, and an answer's median and longest time in seconds."""
    words = [sys.executable, "-m", "benchmarks.inference_process", "--photo", str(photo)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) if shared else 1))}
    address, server = "", None
    if shared:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        address = f"http://127.0.0.1:{port}"
        server = subprocess.Popen([*words, "--serve", str(port)], env=environment)
        _wait_for(address)
    try:
        asking = [
            subprocess.Popen(
                [*words, "--ask", address],
                env=environment,
                text=True,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            for _ in range(processes)
        ]
        for one in asking:
            assert one.stdout is not None and one.stdout.readline() == "ready\n"
        said: list[dict[str, Any]] = []
        for one in asking:
            assert one.stdin is not None
            one.stdin.write("go\n")
            one.stdin.flush()
        said = [json.loads(one.communicate()[0]) for one in asking]
        memory = sum(one["memory"] for one in said)
        if server is not None:
            memory += float(httpx.get(f"{address}/memory", trust_env=False).text)
    finally:
        if server is not None:
            server.terminate()
            server.wait()
    took = [seconds for one in said for seconds in one["took"]]
    return {"memory": memory, "median": statistics.median(took), "longest": max(took)}


def _wait_for(address: str) -> None:
    while True:
        try:
            httpx.get(f"{address}/memory", trust_env=False)
            return
        except httpx.TransportError:
            time.sleep(0.3)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, nargs="+", default=[2, 4])
    parser.add_argument("--photo", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--ask", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve is not None:
        serve(options.serve)
    elif options.ask is not None:
        be_server_process(options.photo.read_bytes(), options.ask)
    else:
        with tempfile.TemporaryDirectory() as folder:
            write_cases(Path(folder) / "data", count=1, seed=3, splits={"valid": 1.0})
            drawn = next(Path(folder).rglob("IMG_*.jpg"))
            photo = Path(folder) / "photo.jpg"
            Image.open(drawn).convert("RGB").resize(SIZE).save(photo, quality=90)
            for processes in options.processes:
                for shared in (False, True):
                    found = measure(processes, photo, shared=shared)
                    print(
                        f"{processes} server processes, {'one beside them with' if shared else 'each with its own'} "
                        f"models: {found['memory']:,.0f} MB, an answer {found['median']:.2f} s in the median, "
                        f"{found['longest']:.2f} s at most ({photo.stat().st_size / 1e6:.1f} MB a photo)",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
