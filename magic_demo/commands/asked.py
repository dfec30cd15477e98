"""What options of several commands say: which questions the answers are to, which models there are."""

from __future__ import annotations

import argparse
from pathlib import Path

from magic_demo.core.errors import StoreError
from magic_demo.questions.families import QuestionSet, load_challenge, read_questions
from magic_demo.reviews.agreement.sources import AgreementSource
from magic_demo.reviews.store import Store


def add_questions_argument(parser: argparse.ArgumentParser) -> None:
    """Add ``--questions FILE``."""
    parser.add_argument(
        "--questions",
        type=Path,
        metavar="FILE",
        help="question file that is answered, with its options in its order (docs/questions.md; default: the "
        "challenge's questions)",
    )


def read_asked(arguments: argparse.Namespace) -> QuestionSet:
    """Return the questions of ``--questions``, the challenge's without it.

    Raises FormatError with one line for a file that is none.
    """
    return read_questions(arguments.questions) if arguments.questions is not None else load_challenge()


def find_asked(arguments: argparse.Namespace, store: Store, queue: str | None) -> QuestionSet:
    """Return what the readings of a queue answer (of all queues, for None). Raises StoreError where ``--questions`` names
    other questions."""
    asked, _others = AgreementSource(store, store.shown).find_asked(queue)
    if arguments.questions is not None and asked.digest != store.questions.digest:
        raise StoreError(
            "the queue {queue!r} has questions of its own, not those of --questions; leave that option out",
            queue=queue or store.queues()[0],
        )
    return asked


def read_model(source: str | None) -> str | None:
    """Return the folder or Hub id that an option names, None for ``none`` and where it is not given."""
    return None if source == "none" else source


def add_language_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what language models take: ``--captions``, ``--second-pass``, ``--examples``."""
    parser.add_argument(
        "--captions",
        metavar="FOLDER_OR_HUB_ID",
        help="vision-language model that describes each photo once, for the answerer to read behind the words",
    )
    parser.add_argument(
        "--second-pass",
        action="store_true",
        help="let a language model read its own answers to all questions, and answer again",
    )
    parser.add_argument(
        "--examples",
        metavar="INDEX",
        help="index whose similar cases' answers a language model reads in its second pass",
    )
