"""``python -m magic_demo COMMAND``, or ``magic-demo COMMAND`` where it is installed: the page, and what predicts,
scores, keeps, exports and deletes without it."""

from __future__ import annotations

import argparse
import difflib
import importlib
import os
import sys
import textwrap
from pathlib import Path
from typing import NoReturn

from magic_demo.commands.examples import describe_examples
from magic_demo.core.errors import MagicDemoError, describe_system_error
from magic_demo.core.process.ending import end_program
from magic_demo.core.process.starting import prepare_program
from magic_demo.core.version import __version__

COMMANDS = {
    "serve": ("magic_demo.commands.serve", "open the page, to review cases in the browser"),
    "predict": ("magic_demo.commands.predict", "turn a folder of encounters into challenge files"),
    "submit": ("magic_demo.commands.submit", "write the zip to hand in of a run, or check any team's zip"),
    "backends": (
        "magic_demo.commands.backends",
        "say what models can run on here, and how near each comes to float32",
    ),
    "setup": (
        "magic_demo.commands.setup",
        "install what a checkout needs into .venv, with the small build of PyTorch unless there is a GPU",
    ),
    "score": ("magic_demo.commands.score", "compute the official scores of challenge files"),
    "cases": ("magic_demo.commands.cases", "write synthetic encounters in the challenge's layout"),
    "queues": (
        "magic_demo.commands.store.queues",
        "say how far readers are in each queue, and whose cases are whose",
    ),
    "readers": ("magic_demo.commands.store.readers", "say who may sign in and review"),
    "export": (
        "magic_demo.commands.export",
        "write reviews as challenge files, COCO, CVAT, Label Studio, tables, a training set or a report",
    ),
    "agreement": (
        "magic_demo.commands.agreement",
        "say how far readers agree with the model and with each other",
    ),
    "backup": ("magic_demo.commands.store.backup", "write a store, with the photos it keeps, to one file"),
    "restore": ("magic_demo.commands.store.restore", "make a store of a backup"),
    "purge": ("magic_demo.commands.store.purge", "delete cases that nobody has touched for a time"),
    "delete-case": ("magic_demo.commands.store.delete", "delete a case with everything that was said of it"),
    "audit-trail": (
        "magic_demo.commands.store.audit_trail",
        "say who did what with a store: sign-ins, exports, coverings, deletions, readers",
    ),
    "import-predictions": (
        "magic_demo.commands.systems.import_predictions",
        "make a bundle for the page of any system's challenge files or scores",
    ),
    "ensemble": (
        "magic_demo.commands.systems.ensemble",
        "fuse several systems' bundles or challenge files into one",
    ),
    "index": (
        "magic_demo.commands.systems.index",
        "index labelled cases, so that the most similar ones answer",
    ),
    "ask": (
        "magic_demo.commands.systems.ask",
        "let a chat model behind an OpenAI-compatible address answer a folder of cases",
    ),
    "sample-size": (
        "magic_demo.commands.sample_size",
        "say how many cases a reader study needs for an interval of a stated width",
    ),
    "label-studio": (
        "magic_demo.commands.label_studio",
        "let Label Studio ask the models for outlines and answers",
    ),
    "push-to-hub": (
        "magic_demo.commands.push_to_hub",
        "put a checkpoint with its card, or the page as a Space, on the Hugging Face Hub",
    ),
    "completion": ("magic_demo.commands.completion", "print what bash or zsh needs to complete commands"),
    "import-reviews": (
        "magic_demo.commands.import_reviews",
        "read reviews that were exported, or masks drawn with other programs, into a store or a bundle",
    ),
}

EXIT_NO_READER = 141
"""What a shell reports of a program whose output nobody reads any more (128 + SIGPIPE)."""


def main(words: list[str] | None = None) -> int:
    """Run one command and return its exit code; an error that the user can mend is one line and code 1,
    Ctrl+C one line and 130."""
    try:
        prepare_program()
        code = _run_command(sys.argv[1:] if words is None else words)
        sys.stdout.flush()  # here, where a reader who has gone can still be dealt with
        return code
    except MagicDemoError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # `... | head`: whoever reads has seen enough, and nothing more can be said there
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_NO_READER
    except OSError as error:
        print(f"error: {describe_system_error(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        # while a command's module or its models load; predict says more once it is under way
        print("stopped", file=sys.stderr)
        return 130


def run_program(words: list[str] | None = None) -> NoReturn:
    """Run one command and end the program with its exit code, also while models compute in threads."""
    words = sys.argv[1:] if words is None else words
    code = main(words)
    if words[:1] == ["serve"]:
        end_program(code)
    sys.exit(code)


def _name_program() -> str:
    """Return what the command line was begun with: the installed command, or Python and the module."""
    return "magic-demo" if Path(sys.argv[0]).stem == "magic-demo" else "python -m magic_demo"


def _wrap(text: str | None) -> list[str]:
    return [] if text is None else [textwrap.fill(text, 100)]


def _run_command(words: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog=_name_program(), description="Magic Demo. Research use only, not a medical device."
    )
    parser.add_argument("--version", action="version", version=f"magic-demo {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    asked = next((word for word in words if not word.startswith("-")), None)
    if asked is not None and asked not in COMMANDS:
        near = difflib.get_close_matches(asked, COMMANDS, n=1)
        mean = f"did you mean {near[0]}?" if near else f"--help lists them: {', '.join(COMMANDS)}"
        parser.error(f"there is no command {asked!r}; {mean}")
    for name, (module, what) in COMMANDS.items():
        command = commands.add_parser(name, help=what, description=what[:1].upper() + what[1:] + ".")
        # only the asked command's module is imported: `score` and `cases` start without torch
        if name == asked:
            if name == "serve":  # not above: `setup` runs where there is no page yet
                importlib.import_module("magic_demo.page.gradio_internals.stubs").write_no_stubs()
            loaded = importlib.import_module(module)
            loaded.add_arguments(command)
            command.formatter_class = argparse.RawDescriptionHelpFormatter
            parts = (describe_examples(name, _name_program()), *_wrap(command.epilog))
            command.epilog = "\n\n".join(part for part in parts if part)
            command.set_defaults(run=loaded.run, commands={known: of for known, (of, _) in COMMANDS.items()})
    arguments = parser.parse_args(words)
    return int(arguments.run(arguments))


if __name__ == "__main__":
    run_program()
