"""Runs of ``python -m training`` as processes of their own, forked from one that has torch and transformers
imported already."""

from __future__ import annotations

import multiprocessing
import os
import sys
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path

from training.__main__ import main

FORKS: ForkServerContext = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["training.answers.text_photo_answerer"])


def _run(words: list[str], environment: dict[str, str], told: Path) -> None:
    """Run a command as its process does, with what it says in a file."""
    os.environ.update(environment)
    with told.open("wb") as file:
        os.dup2(file.fileno(), 2)
    sys.exit(main(words))


def start_training(words: list[str], told: Path, **environment: str) -> ForkServerProcess:
    """Start ``python -m training WORDS`` with more in its environment; what it says on the standard error
    goes to ``told``."""
    process = FORKS.Process(target=_run, args=(words, {"CUDA_VISIBLE_DEVICES": "", **environment}, told))
    process.start()
    return process


def start_together(words: list[str], count: int, port: int, told: Path) -> list[ForkServerProcess]:
    """Start so many processes of one run, with what a launcher tells each; rank 0 speaks into ``told``, the
    others beside it."""
    together = {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "WORLD_SIZE": str(count),
        "LOCAL_WORLD_SIZE": str(count),
    }
    return [
        start_training(
            words,
            told.with_name(f"{told.name} {rank}") if rank else told,
            RANK=str(rank),
            LOCAL_RANK=str(rank),
            **together,
        )
        for rank in range(count)
    ]
