"""``python -m magic_demo serve``: start the page, then open the address it prints.

The page opens first, the models load behind it.
"""

from __future__ import annotations

import argparse
import gc
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from starlette.routing import BaseRoute

from magic_demo.api.webhook import Teller, read_receiver
from magic_demo.commands.asked import (
    add_language_arguments,
    add_questions_argument,
    read_asked,
    read_model,
)
from magic_demo.core.disk.parts import sweep_temporary
from magic_demo.core.errors import MagicDemoError, ReachError
from magic_demo.core.types import EncounterFiles
from magic_demo.files.checkpoint_files import read_config
from magic_demo.files.encounters import read_encounters
from magic_demo.models.backends.names import add_backend_argument
from magic_demo.page.build import Desk, PredictorSource, build_app, launch_settings, list_gates, list_routes
from magic_demo.page.server.gate.programs import Programs
from magic_demo.page.server.reach import check_reach, confirm_share, is_near, is_space, open_tunnel
from magic_demo.page.server.root_path import VARIABLE, put_below, read_root_path
from magic_demo.page.server.sign_in.trusted_proxy import read_trusted_proxy, see_connections
from magic_demo.page.server.sweeping import start_sweeping
from magic_demo.page.server.throwaway import open_throwaway_store
from magic_demo.page.session.desk.systems import read_systems
from magic_demo.page.session.inference.source import EncounterPredictor
from magic_demo.page.session.review import MODES
from magic_demo.page.session.sign_in.sign_ins import SignIns
from magic_demo.reviews.cases.leftovers import sweep_store
from magic_demo.reviews.store import STORE_VARIABLE, Store, default_location, is_store_there
from magic_demo.synthetic.bundled import load_examples

SWITCH_SECONDS = 0.0005
"""How long a thread of Python may go on while others wait: a save asks the database again and again, and
waits for its turn after each answer."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``python -m magic_demo serve``."""
    # a Hugging Face Space says with it where to listen
    at = os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1")
    parser.add_argument(
        "--host",
        default=at,
        help="address to listen on; 0.0.0.0 lets other computers in, for which readers need passwords "
        "(default: %(default)s)",
    )
    parser.add_argument("--port", type=int, default=7860, help="port to listen on (default: %(default)s)")
    parser.add_argument(
        "--segmentation",
        metavar="FOLDER_OR_HUB_ID",
        help="checkpoint of the segmentation or 'none' (default: the one that comes along)",
    )
    parser.add_argument(
        "--answers",
        metavar="FOLDER_OR_HUB_ID",
        help="checkpoint that answers the closed questions or 'none' (default: the one that comes along)",
    )
    parser.add_argument(
        "--index-data",
        type=Path,
        metavar="DATA",
        help="with an index as --answers: its cases' photos, shown small beside their answers under Why",
    )
    parser.add_argument(
        "--cues",
        metavar="FOLDER_OR_HUB_ID",
        help="checkpoint of the cue model or 'none' (default: the one that comes along)",
    )
    add_language_arguments(parser)
    add_backend_argument(parser)
    parser.add_argument(
        "--queue",
        type=Path,
        metavar="FOLDER",
        help="cases to review: the challenge's layout, or a plain folder of photos",
    )
    parser.add_argument(
        "--store",
        metavar="PLACE",
        help=f"folder or postgresql:// URL that keeps the reviews (default: {default_location()})",
    )
    parser.add_argument(
        "--bundle",
        action="append",
        default=[],
        metavar="[NAME=]FOLDER",
        help="predictions that `predict --bundle` or `import-predictions` wrote: shown in place of running "
        "models; given several times, a switch on the page chooses whose are shown",
    )
    add_questions_argument(parser)
    parser.add_argument(
        "--mode",
        choices=MODES,
        default="assisted",
        help="how readers begin: model shown, blind first, or no model (default: %(default)s)",
    )
    parser.add_argument(
        "--guide",
        action="store_true",
        help="open the guided first case, over a store that is thrown away unless one is named",
    )
    parser.add_argument(
        "--share",
        action="store_true",
        help="an address on the internet through Gradio's servers; asks twice, needs passwords",
    )
    parser.add_argument(
        "--root-path",
        default=os.environ.get(VARIABLE, ""),
        metavar="PATH",
        help="path below which a proxy shows the page, such as /demo; needs passwords (default: what "
        f"{VARIABLE} says)",
    )
    parser.add_argument(
        "--trust-header",
        metavar="NAME",
        help="header in which a proxy that has signed somebody in says the reader's name, such as X-Remote-User; "
        "from the addresses of --trust-from alone (docs/institutions.md)",
    )
    parser.add_argument(
        "--trust-from",
        action="append",
        metavar="ADDRESS",
        help="address of that proxy, or a network such as 10.1.2.0/24; may be given several times",
    )
    parser.add_argument(
        "--sign-in",
        action="store_true",
        help="ask for name and password; always asked when a reader has a password",
    )
    parser.add_argument(
        "--api",
        action="store_true",
        help="let other programs in at /api/v1, with tokens that `readers token` makes (docs/api.md)",
    )
    parser.add_argument(
        "--mcp",
        action="store_true",
        help="with --api: the same for language models, as tools of the Model Context Protocol at /api/v1/mcp",
    )
    parser.add_argument(
        "--webhook",
        metavar="URL",
        help="tell this address of every review that is finished, by its number, signed with the secret in "
        "MAGIC_DEMO_WEBHOOK_SECRET (docs/api.md)",
    )


def open_desk(arguments: argparse.Namespace) -> Desk:
    """Open the store and the queue that the command line names.

    Without any: with the guide a store to throw away; else the usual one, which is made when a case is kept
    for the first time. A Hugging Face Space without any is for everybody: it keeps nothing, whatever an
    earlier run may have left in the usual place.
    """
    questions = read_asked(arguments)
    systems = read_systems(arguments.bundle, questions)
    shared = {"systems": systems, "mode": arguments.mode, "questions": questions}
    for_programs = arguments.api or arguments.webhook is not None
    usual = not (arguments.queue or arguments.store or arguments.sign_in or for_programs)
    unnamed = usual and not os.environ.get(STORE_VARIABLE)
    alone = (
        is_near(arguments.host) and not arguments.share and not arguments.root_path
    )  # a store to throw away has no readers with passwords
    if unnamed and is_space(os.environ):
        return Desk(public=True, **shared)
    if unnamed and arguments.guide and alone:
        return Desk(open_throwaway_store(questions), throwaway=True, **shared)
    # where others come, none is made after they were let in
    if usual and not is_store_there(default_location()):
        return Desk(store_location=default_location() if alone else None, **shared)
    desk = Desk(Store.open(arguments.store or default_location(), questions=questions), **shared)
    if arguments.sign_in or desk.opened_store.needs_sign_in():
        desk.sign_ins = SignIns(desk.opened_store)
    asked = questions if arguments.questions is not None else None
    for line in desk.add_queue(arguments.queue, asked) if arguments.queue is not None else ():
        print(line, file=sys.stderr)
    return desk


def open_api(desk: Desk, source: PredictorSource, routes: list[BaseRoute], *, tools: bool) -> Programs:
    """Add the routes of ``/api/v1``, and return who may use them. tools: MCP too."""
    # FastAPI's models of what comes and goes take a moment, for which a page without them does not wait
    from magic_demo.api.routes import list_api_routes
    from magic_demo.api.verbs import Verbs

    routes += list_api_routes(Verbs(desk, source), tools=tools)
    return Programs(desk.opened_store.find_token, tools=tools)


def start_webhook(url: str | None, desk: Desk) -> None:
    """Tell a receiver of finished reviews from now on, where one is named. Raises ReachError, StoreError."""
    if url is not None:
        Teller(desk.opened_store, read_receiver(url, os.environ)).start()


def sweep(desk: Desk) -> None:
    """Remove what earlier runs that were killed left behind, and name what cannot be removed.

    Raises StoreError.
    """
    for line in (*sweep_temporary(), *(sweep_store(desk.store) if desk.store is not None else ())):
        print(line, file=sys.stderr)


def run(arguments: argparse.Namespace) -> int:
    """Launch the page and serve until stopped."""
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    # Gradio imports matplotlib around every event; where there is none, looking for it again and again took a
    # fifth of the server's time
    sys.modules.setdefault("matplotlib", None)  # type: ignore[arg-type]
    sys.setswitchinterval(SWITCH_SECONDS)
    arguments.root_path = read_root_path(arguments.root_path)
    if arguments.mcp and not arguments.api:
        raise ReachError("--mcp is a door of the API, which is shut; give --api too")
    if arguments.webhook is not None:
        read_receiver(arguments.webhook, os.environ)  # said before anything is opened
    proxy = read_trusted_proxy(arguments.trust_header, arguments.trust_from)
    if proxy is not None:
        arguments.sign_in = True
        see_connections()
    desk = open_desk(arguments)
    sweep(desk)
    for line in check_reach(
        arguments.host,
        desk,
        os.environ,
        share=arguments.share,
        root_path=arguments.root_path,
        by_proxy=proxy is not None,
    ):
        print(line, file=sys.stderr)
    if arguments.share:
        confirm_share()

    def load(**learnt: Path) -> EncounterPredictor:
        from magic_demo.models.loading.finding import find_checkpoint

        chosen: dict[str, Any] = {
            part: read_model(source)
            for part in ("segmentation", "answers", "cues", "captions")
            if (source := getattr(arguments, part)) is not None
        }
        if "answers" not in learnt:  # a learnt one reads no answers
            chosen |= {"second_pass": arguments.second_pass, "examples": arguments.examples}
        try:
            for named in {**chosen, **learnt}.values():
                if isinstance(named, str | Path):
                    find_checkpoint(named)  # a wrong name is said before torch is imported
            # that takes seconds, for which the page does not wait
            from magic_demo.models.loading.predictors import load_predictor

            return load_predictor(**{**chosen, **learnt}, backend=arguments.backend, questions=desk.questions)
        except MagicDemoError as error:
            print(f"The models could not be loaded: {error}", file=sys.stderr, flush=True)
            raise

    source = PredictorSource(load)
    desk.index_files = read_index_files(arguments, public=desk.public)
    desk.load_learnt = load
    desk.learn_from = tuple(
        word
        for option, named in (("--from", arguments.segmentation), ("--answers", arguments.answers))
        if named not in (None, "none")
        for word in (option, str(named))
    )
    app = build_app(source, load_examples(), desk, guided=arguments.guide)
    routes: list[BaseRoute] = [*list_routes(source, load_examples(), desk, arguments.host)]
    programs = open_api(desk, source, routes, tools=arguments.mcp) if arguments.api else None
    gates = list_gates(desk.sign_ins, arguments.host, desk.signing_in, programs, proxy)
    gates = put_below(gates, arguments.root_path)
    settings = {**launch_settings(routes, gates), "root_path": arguments.root_path}
    try:
        app.launch(
            server_name=arguments.host, server_port=arguments.port, prevent_thread_lock=True, **settings
        )
    except OSError:
        print(
            f"{arguments.host}:{arguments.port} is taken or cannot be listened on; choose another with "
            "--port",
            file=sys.stderr,
        )
        return 1
    start_sweeping(desk)
    start_webhook(arguments.webhook, desk)
    start_models(source)  # not before: importing torch beside it would make the page wait
    below = f"{arguments.root_path}/" if arguments.root_path else ""
    print(
        f"Magic Demo is at http://{arguments.host}:{arguments.port}{below} (stop it with Ctrl+C)", flush=True
    )
    if arguments.share:
        try:
            print(f"and on the internet at {open_tunnel(arguments.host, arguments.port)}{below}", flush=True)
        except ReachError as error:
            print(error, file=sys.stderr)
            return 1
    _wait_for_stop()
    app.close(verbose=False)  # no new requests; those that are under way are answered, for some seconds
    if desk.store is not None:
        desk.store.close()
    leave_quietly()
    return 0


def start_models(source: PredictorSource) -> None:
    """Begin to load the models; libraries and these models are left out of Python's collections from then on.

    A collection goes over everything that lives while every thread waits: over half a million objects of theirs,
    which stay, in a third of a second of a processor, several times that on a busy machine.
    """

    def leave_out() -> None:
        gc.collect()
        gc.freeze()

    # first: a learnt model that is resumed goes when another one, or the page's own, takes its place
    source.resumes.insert(0, leave_out)
    source.start()


def read_index_files(arguments: argparse.Namespace, *, public: bool) -> dict[str, EncounterFiles]:
    """Return encounter id -> where the photos of the index's split lie; nothing without ``--index-data``.

    Raises FormatError, CheckpointError, ReachError where they may not be shown to everybody.
    """
    data: Path | None = arguments.index_data
    if data is None:
        return {}
    if public:
        raise ReachError("--index-data: this page is open to everybody, and would show the index's photos")
    if not arguments.answers or arguments.answers == "none":
        raise ReachError("--index-data says where the photos of an index lie; give the index as --answers")
    split = read_config(Path(arguments.answers)).get("split")
    found = read_encounters(data, str(split) if split else None)
    return {files.encounter_id: files for files in found.encounters}


def leave_quietly() -> None:
    """Say nothing more of what threads raise: whoever still loads models, or computes what nobody waits for,
    finds the interpreter half taken down.
    """
    threading.excepthook = lambda _raised: None


def _wait_for_stop() -> None:
    """Wait for Ctrl+C, or for what asks a service to stop."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    stop.wait()
