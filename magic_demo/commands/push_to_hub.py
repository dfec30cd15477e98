"""``python -m magic_demo push-to-hub``: put a checkpoint with its card, or the program as a Space, on the Hugging
Face Hub."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import yaml
from huggingface_hub import CommitOperationAdd, HfApi, ModelCard, constants
from huggingface_hub.errors import HfHubHTTPError, HFValidationError

from magic_demo.core.disk.user_files import LARGEST_CONFIG, read_user_text
from magic_demo.core.errors import CheckpointError, MagicDemoError, one_line
from magic_demo.files.checkpoint_files import CONFIG, check_files

CHECKOUT = Path(__file__).resolve().parents[2]
CARD = "README.md"
KINDS = (".json", ".safetensors", ".txt", ".model", ".jinja", ".py")
"""Files of a checkpoint that go to the Hub, beside its card; of a training run that is all but settings and tables."""
SPACE = ("Dockerfile", "app.py", "LICENSE", "magic_demo", "checkpoints", "space/README.md")
NOT_CHOSEN = "not-chosen"
"""The licence's name in a card that training wrote, until somebody chooses one."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``python -m magic_demo push-to-hub``."""
    parser.add_argument("repo", metavar="OWNER/NAME", help="repository on the Hub, made where there is none")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--checkpoint", type=Path, metavar="FOLDER", help="model to put there, with its README.md"
    )
    what.add_argument(
        "--space", action="store_true", help="put the page there as a Space that runs in Docker"
    )
    parser.add_argument("--private", action="store_true", help="make a new repository private")
    parser.add_argument(
        "--dry-run", action="store_true", help="check the card, list the files, and send nothing"
    )


def run(arguments: argparse.Namespace) -> int:
    """Run ``push-to-hub``; returns 0.

    Raises CheckpointError where the card is missing or the Hub refuses it, MagicDemoError where the Hub cannot
    be reached or does not let the files in.
    """
    files = (
        list_space_files() if arguments.space else list_checkpoint_files(arguments.checkpoint, arguments.repo)
    )
    size = sum(
        len(content) if isinstance(content, bytes) else content.stat().st_size for content in files.values()
    )
    print(f"{len(files)} files, {size / 1e6:.1f} MB, for {constants.ENDPOINT}/{arguments.repo}")
    if arguments.dry_run:
        print("\n".join(files))
        return 0
    try:
        address = push(files, arguments.repo, space=arguments.space, private=arguments.private)
    except (HfHubHTTPError, HFValidationError, httpx.HTTPError, OSError) as error:
        raise MagicDemoError(
            "{repo}: the Hub did not take it ({reason}); sign in with `hf auth login` or set HF_TOKEN, to a token "
            "that may write there",
            repo=arguments.repo,
            reason=one_line(error),
        ) from error
    print(address)
    return 0


def push(files: dict[str, Path | bytes], repo: str, *, space: bool, private: bool) -> str:
    """Send files in one commit, the card checked by the Hub first; returns the commit's address.

    Raises CheckpointError where the Hub refuses the card, and what huggingface_hub raises.
    """
    kind = "space" if space else "model"
    card = files[CARD]
    if isinstance(card, bytes):
        try:
            ModelCard(card.decode()).validate(repo_type=kind)
        except ValueError as error:
            raise CheckpointError(
                "{card}: the Hub refuses it: {reason}", card=CARD, reason=one_line(error)
            ) from error
    api = HfApi(endpoint=constants.ENDPOINT)
    made = api.create_repo(
        repo, repo_type=kind, private=private, exist_ok=True, space_sdk="docker" if space else None
    )
    sent = api.create_commit(
        made.repo_id,
        [CommitOperationAdd(path_in_repo=name, path_or_fileobj=content) for name, content in files.items()],
        commit_message=f"Put {'the page' if space else 'the model'} here",
        repo_type=kind,
    )
    return str(sent.commit_url)


def list_checkpoint_files(folder: Path, repo: str) -> dict[str, Path | bytes]:
    """Return name -> file of what a model's repository gets; the card comes as it will be there.

    A base model without an owner is one of ours: it is taken to lie beside. Raises CheckpointError where the
    folder is no checkpoint, has no card, or the card lacks what the Hub and a reader need.
    """
    if not (folder / CONFIG).is_file() or not (folder / CARD).is_file():
        raise CheckpointError(
            "{folder}: a checkpoint with {config} and a card {card} is expected; training writes both",
            folder=folder,
            config=CONFIG,
            card=CARD,
        )
    check_files(folder)
    files: dict[str, Path | bytes] = {
        path.name: path for path in sorted(folder.iterdir()) if path.suffix in KINDS and path.is_file()
    }
    return {**files, CARD: prepare_card(folder / CARD, repo).encode()}


def prepare_card(path: Path, repo: str) -> str:
    """Return a card as the Hub will have it. Raises CheckpointError where it lacks what the Hub or a reader needs."""
    try:
        card = ModelCard(read_user_text(path, LARGEST_CONFIG))
    except (OSError, ValueError, TypeError, yaml.YAMLError) as error:
        raise CheckpointError(
            "{path}: no card that can be read ({reason})", path=path, reason=one_line(error)
        ) from error
    data: Any = card.data
    lacks = [name for name in ("license", "pipeline_tag", "tags") if not getattr(data, name, None)]
    if getattr(data, "license_name", None) == NOT_CHOSEN:
        lacks.append("a licence that somebody chose")
    if "research use only" not in card.text.lower():
        lacks.append("the words 'Research use only'")
    if lacks:
        raise CheckpointError("{path}: the card lacks {lacks}; add it", path=path, lacks=", ".join(lacks))
    if data.base_model and "/" not in data.base_model:
        data.base_model = f"{repo.partition('/')[0]}/{data.base_model}"
    return str(card)


def list_space_files() -> dict[str, Path | bytes]:
    """Return name -> file of what a Space gets: the program, its checkpoints, the Dockerfile and the card."""
    if not (CHECKOUT / "Dockerfile").is_file():
        raise MagicDemoError(
            "a Space is made of a checkout; here is an installed package: {folder}", folder=CHECKOUT
        )
    files: dict[str, Path | bytes] = {}
    for path in _walk():
        name = path.relative_to(CHECKOUT).as_posix()
        files[CARD if name == "space/README.md" else name] = path
    card = files[CARD]
    assert isinstance(card, Path)
    files[CARD] = read_user_text(card, LARGEST_CONFIG).encode()
    return files


def _walk() -> Iterator[Path]:
    parts = [CHECKOUT / part for part in SPACE]
    for path in [*parts, *sorted(CHECKOUT.glob("requirements*.lock"))]:
        if path.is_dir():
            yield from sorted(
                one for one in path.rglob("*") if one.is_file() and "__pycache__" not in one.parts
            )
        else:
            yield path
