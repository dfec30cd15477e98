"""Models that were learnt from a store's reviews: where they lie, what they were learnt from, and which of them must
go since a case was deleted or a photo covered."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import shutil
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from magic_demo.core.disk.user_files import digest_user_file, read_user_text
from magic_demo.core.disk.whole_files import write_json
from magic_demo.core.errors import MagicDemoError, one_line
from magic_demo.core.limits import LIMITS
from magic_demo.core.review_types import CaseKey
from magic_demo.core.types import EncounterFiles
from magic_demo.reviews.store import folder_beside

LEARNT, COMPARISON = "learnt.json", "comparison.json"
SEGMENTATION, ANSWERS = "segmentation-learnt", "answers-learnt"
"""The checkpoints below a model's folder."""
UNREADABLE = "unreadable"
IN_USE = "in-use.json"
"""Names the model that the page uses, beside the models."""
WORK, PROGRESS, LOG = ".learning", "progress.json", "learning.log"
"""The end of the name of a folder in which a model is being learnt, the file there that says how far, and beside the
models the log of the last run."""


class LearntError(MagicDemoError):
    """A model cannot be learnt from these reviews, or one that was learnt cannot be used."""


@dataclass(frozen=True)
class LearntFrom:
    """What a model was learnt from and judged on.

    version: of the training set. salt: of the names in ``cases``, so that nobody reads a case's name here. cases: a
    case's salted digest -> digest of its photos' files as they were read. taught: those that were learnt from; the
    others were held out. about: what the page shows: counts, numbers before and after.
    """

    version: str
    queue: str = ""
    salt: str = field(default_factory=lambda: secrets.token_hex(16))
    cases: Mapping[str, str] = field(default_factory=dict)
    taught: tuple[str, ...] = ()
    about: Mapping[str, Any] = field(default_factory=dict)

    def name(self, case_id: str) -> str:
        """Return the salted digest of a case's name."""
        text = f"{self.queue}\0{case_id}".encode("utf-8", "surrogatepass")
        return hmac.new(bytes.fromhex(self.salt), text, hashlib.sha256).hexdigest()

    def write(self, folder: Path) -> None:
        """Write it into a model's folder, for its owner alone."""
        write_json(folder / LEARNT, asdict(self), indent=1, private=True)


def read_learnt(folder: Path) -> LearntFrom:
    """Read what a model was learnt from. Raises LearntError where the folder is no whole model."""
    try:
        content = json.loads(read_user_text(folder / LEARNT, LIMITS.json_bytes))
        found = LearntFrom(
            str(content["version"]),
            str(content["queue"]),
            str(content["salt"]),
            {str(name): str(digest) for name, digest in content["cases"].items()},
            tuple(str(name) for name in content["taught"]),
            dict(content["about"]),
        )
        bytes.fromhex(found.salt)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise LearntError(
            "{folder}: no model that `training learn` finished ({reason}); learn again",
            folder=folder.name,
            reason=one_line(error, 80),
        ) from error
    return found


def models_beside(location: str) -> Path:
    """Return where the models learnt from a store lie, by ``Store.location``."""
    return folder_beside(location, "models")


def choose_folder(root: Path) -> Path:
    """Return the folder of a model that is to be learnt: of the one that was stopped, or a new one."""
    stopped = sorted(root.glob(f".*{WORK}")) if root.is_dir() else []
    if stopped:
        return root / stopped[-1].name.removeprefix(".").removesuffix(WORK)
    return root / time.strftime("learnt-%Y%m%d-%H%M%S", time.gmtime())


def list_models(location: str) -> tuple[Path, ...]:
    """Return the folders of the finished models beside a store, the oldest first."""
    root = models_beside(location)
    if not root.is_dir():
        return ()
    found = [path.parent for path in root.glob(f"*/{LEARNT}") if not path.parent.name.startswith(".")]
    return tuple(sorted(found, key=lambda path: path.name))


def note_in_use(location: str, name: str) -> None:
    """Keep beside a store which of its models the page uses, "" for none, so that a restart goes on with it."""
    note = models_beside(location) / IN_USE
    if name:
        write_json(note, {"model": name})
    else:
        note.unlink(missing_ok=True)


def read_in_use(location: str) -> str:
    """Return the name of the model that the page used last, "" for none or where that cannot be read."""
    try:
        return str(json.loads(read_user_text(models_beside(location) / IN_USE, LIMITS.json_bytes))["model"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ""


def find_withdrawn(learnt: LearntFrom, files: Iterable[EncounterFiles]) -> int:
    """Return how many of the cases that a model learnt from are gone, or have photos that were covered or changed
    since. files: of the queue's cases as they are now, covered copies in place."""
    wanted = dict(learnt.cases)
    for one in files:
        name = learnt.name(one.encounter_id)
        if name in wanted and wanted[name] == digest_photos(one):
            del wanted[name]
    return len(wanted)


def forget_models(location: str, key: CaseKey) -> int:
    """Delete the models beside a store that were learnt from a case or judged on it, and what learning left that is
    under way; returns how many models.

    What is half done may hold the case's photos: it goes whatever it is of. Raises OSError.
    """
    root, gone = models_beside(location), 0
    for folder in list_models(location):
        try:
            learnt = read_learnt(folder)
        except LearntError:
            continue
        if learnt.queue == key.queue and learnt.name(key.case_id) in learnt.cases:
            shutil.rmtree(folder)
            gone += 1
    (root / LOG).unlink(missing_ok=True)  # it names cases that were left out
    for work in sorted(root.glob(f"*{WORK}")) if root.is_dir() else ():
        shutil.rmtree(work)
    return gone


def digest_photos(files: EncounterFiles) -> str:
    """Return a digest of a case's photo files, by photo."""
    digest = hashlib.sha256()
    for photo in sorted(files.photo_files, key=lambda one: one.photo_id):
        digest.update(f"{photo.photo_id}\0".encode("utf-8", "surrogatepass"))
        try:
            if photo.path is None:
                raise FileNotFoundError
            digest.update(digest_user_file(photo.path, LIMITS.photo_bytes).encode())
        except OSError:
            digest.update(UNREADABLE.encode())
    return digest.hexdigest()


@dataclass(frozen=True)
class Progress:
    """How far learning is. share: of everything, 0..1. line: what is done now."""

    share: float
    line: str


def work_of(model: Path) -> Path:
    """Return where what is half done of a model lies."""
    return model.with_name(f".{model.name}{WORK}")


def read_progress(work: Path) -> Progress | None:
    """Return how far learning in a folder is, None where nothing says so yet."""
    try:
        content = json.loads(read_user_text(work / PROGRESS, LIMITS.json_bytes))
        return Progress(float(content["share"]), str(content["line"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
