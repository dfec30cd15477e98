"""``python -m magic_demo label-studio``: let Label Studio ask the models for outlines and answers."""

from __future__ import annotations

import argparse
from pathlib import Path

from magic_demo.commands.asked import add_questions_argument, read_asked
from magic_demo.core.disk.user_files import LARGEST_CONFIG, read_user_text
from magic_demo.core.errors import FormatError, ReachError
from magic_demo.core.plural import count
from magic_demo.files.encounters import read_encounters
from magic_demo.page.server.reach import is_near
from magic_demo.reviews.exports.label_studio.tasks import make_config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``python -m magic_demo label-studio``."""
    parser.add_argument(
        "data", type=Path, nargs="?", help="cases: the challenge's layout, or a plain folder of photos"
    )
    parser.add_argument("--split", help="train, valid or test: which <split>.json to read")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=9090, help="port to listen on (default: %(default)s)")
    parser.add_argument(
        "--password-file",
        type=Path,
        metavar="FILE",
        help="password that Label Studio has to give with the name magic-demo; needed with --host",
    )
    parser.add_argument(
        "--interface",
        action="store_true",
        help="print the labelling interface to set in the project, and stop",
    )
    add_questions_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run ``label-studio`` until it is stopped; returns 0.

    Raises FormatError where no case can be read, ReachError where other computers could ask without a password.
    """
    questions = read_asked(arguments)
    if arguments.interface:
        print(make_config(questions), end="")
        return 0
    if arguments.data is None:
        raise FormatError("label-studio: name the folder of the cases, whose photos Label Studio shows")
    password = (
        read_user_text(arguments.password_file, LARGEST_CONFIG).strip() if arguments.password_file else None
    )
    if not is_near(arguments.host) and not password:
        raise ReachError(
            "--host {host}: give a --password-file, as others could ask too", host=arguments.host
        )
    cases = read_encounters(arguments.data, arguments.split)
    for problem in cases.problems:
        print(problem)
    # torch takes seconds: what is wrong with the words above is said before
    import uvicorn

    from magic_demo.api.label_studio import Backend
    from magic_demo.models.loading.predictors import load_predictor

    backend = Backend(load_predictor(questions=questions), cases.encounters, questions, password=password)
    print(
        f"{count(len(cases.encounters), 'case', 'cases')}; in Label Studio's project, under Settings, Model, connect "
        f"http://{arguments.host}:{arguments.port}",
        flush=True,
    )
    uvicorn.run(backend.app(), host=arguments.host, port=arguments.port, log_level="warning")
    return 0
