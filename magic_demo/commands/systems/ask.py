"""``python -m magic_demo ask``: a chat model behind an OpenAI-compatible address answers a folder of cases."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from magic_demo.challenge.systems.chat.endpoint import KEY_VARIABLE, ChatClient, Endpoint, read_endpoint
from magic_demo.challenge.systems.chat.kept_calls import Price
from magic_demo.challenge.systems.chat.running import ChatRun, ask_cases, plan_run
from magic_demo.commands.asked import add_questions_argument, read_asked
from magic_demo.core.errors import ReachError
from magic_demo.core.types import LANGUAGES
from magic_demo.files.encounters import read_encounters

EXIT_DONE, EXIT_WITH_PROBLEMS = 0, 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``python -m magic_demo ask``."""
    parser.epilog = (
        f"A key is read from {KEY_VARIABLE}. What was answered is kept in OUT/calls: a run that was stopped goes on "
        "with the same command. Exit codes: 0 done; 1 stopped, one line says why; 3 done, with problems."
    )
    parser.add_argument("data", type=Path, metavar="DATA", help="cases in the challenge's layout")
    parser.add_argument("--split", help="train, valid or test, where there are several")
    parser.add_argument(
        "--out", type=Path, required=True, help="folder for bundle/, answers, costs and calls/"
    )
    parser.add_argument(
        "--endpoint",
        required=True,
        metavar="URL",
        help="up to its version: http://127.0.0.1:11434/v1 (Ollama), http://127.0.0.1:8000/v1 (vLLM)",
    )
    parser.add_argument("--model", required=True, metavar="NAME", help="as the endpoint calls it")
    parser.add_argument("--photos", action="store_true", help="send the photos with the questions")
    parser.add_argument(
        "--captions",
        action="store_true",
        help="let the model describe each photo first, and read what it wrote",
    )
    parser.add_argument(
        "--language", choices=LANGUAGES, help="of the questions (default: the narrative's own)"
    )
    parser.add_argument("--parallel", type=int, default=4, help="calls at once (default: %(default)s)")
    parser.add_argument(
        "--timeout", type=float, default=300.0, help="seconds that a reply may take (default: %(default)s)"
    )
    parser.add_argument(
        "--price",
        type=float,
        nargs=2,
        default=(0.0, 0.0),
        metavar=("READ", "WRITTEN"),
        help="of a million tokens, to say what it costs",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="say how many calls and tokens, and ask nothing"
    )
    parser.add_argument(
        "--allow-upload",
        action="store_true",
        help="let patients' words and photos leave this machine; asks twice (not needed for a loopback address)",
    )
    add_questions_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Ask every case; returns 0, or 3 when replies or photos could not be used (each named)."""
    endpoint = read_endpoint(arguments.endpoint, arguments.model, os.environ, arguments.timeout)
    price = Price(*arguments.price)
    asking = ChatRun(
        read_asked(arguments),
        arguments.photos,
        arguments.captions,
        arguments.language,
        max(1, arguments.parallel),
        price,
    )
    cases = read_encounters(arguments.data, arguments.split).encounters
    client = ChatClient(endpoint)
    try:
        if arguments.dry_run:
            plan = plan_run(cases, client, asking, arguments.out)
            print(
                f"{len(cases)} cases: {plan.calls} calls, {plan.kept} of them answered already; about "
                f"{plan.tokens_in:,} tokens of words read and at most {plan.tokens_out:,} written, "
                f"{plan.photos} photos (their tokens are the model's to count)"
            )
            if any(arguments.price):
                print(f"at most {price.of(plan.tokens_in, plan.tokens_out):.2f}, photos left out")
            return EXIT_DONE
        if not endpoint.near:
            confirm_upload(endpoint, photos=asking.photos or asking.captions, allowed=arguments.allow_upload)
        costs, problems = ask_cases(cases, client, asking, arguments.out, _say)
    finally:
        client.close()
    print(
        f"{len(cases)} cases answered by {endpoint.model}: {costs.calls} calls ({costs.calls_now} now), "
        f"{costs.tokens_in:,} tokens read, {costs.tokens_out:,} written"
        + (f", cost {price.of(costs.tokens_in, costs.tokens_out):.2f}" if any(arguments.price) else "")
        + f"; written to {arguments.out}"
    )
    for problem in problems:
        print(f"problem: {problem}", file=sys.stderr)
    return EXIT_WITH_PROBLEMS if problems else EXIT_DONE


def confirm_upload(
    endpoint: Endpoint,
    *,
    photos: bool,
    allowed: bool,
    ask: Callable[[str], str] = input,
    terminal: bool | None = None,
) -> None:
    """Say what would leave this machine, and ask twice: by ``--allow-upload``, and for the host's name.

    Raises ReachError where it is not allowed, or nobody can be asked.
    """
    host = urlsplit(endpoint.url).hostname or ""
    what = "patients' words and photos" if photos else "patients' words"
    if not allowed:
        raise ReachError(
            "{host} is not this machine: {what} would be sent there; add --allow-upload if they may, or use a "
            "loopback address",
            host=host,
            what=what,
        )
    if not (sys.stdin.isatty() if terminal is None else terminal):
        raise ReachError(
            "--allow-upload asks once more before {what} are sent; run it in a terminal", what=what
        )
    print(f"{what} will be sent to {host}, which keeps them as its owner likes.", file=sys.stderr)
    try:
        typed = ask(f"Type {host} to send them: ")
    except EOFError:
        typed = ""
    if typed.strip().casefold() != host.casefold():
        raise ReachError("{word!r} was not typed; nothing was sent", word=host)


def _say(done: int) -> None:
    if done % 10 == 0:
        print(f"{done} cases", file=sys.stderr, flush=True)
