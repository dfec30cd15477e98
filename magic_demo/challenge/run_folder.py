"""The folder that a batch run writes: its files' names, and its manifest, which keeps other runs out."""

from __future__ import annotations

import json
import platform
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from magic_demo.challenge.running.journal import Journal
from magic_demo.core.disk.parts import is_part
from magic_demo.core.disk.user_files import read_user_text
from magic_demo.core.disk.whole_files import write_json
from magic_demo.core.errors import FormatError
from magic_demo.core.limits import LIMITS
from magic_demo.core.types import Language
from magic_demo.core.version import __version__
from magic_demo.files.bundles import remove_prediction
from magic_demo.files.masks.mask_files import mask_file_name
from magic_demo.files.masks.turns import Lie
from magic_demo.models.backends.backend import list_versions
from magic_demo.models.predictor import Predictor
from magic_demo.questions.families import load_challenge

SEED = 0
MASKS = "masks_preds"
ANSWERS = "data_cvqa_sys.json"
MANIFEST = "manifest.json"
PICTURES = "pictures"
BUNDLE = "bundle"
JOURNAL = "journal.jsonl"
RANKING = "teaches_most.csv"
UNSAID = {"prompt": "narrative", "all_photos": False, "shard": None}
"""Settings that a manifest leaves out where they are this, so that runs of earlier versions can go on."""
SHARD_FOLDER = re.compile(r"shard-([1-9]\d{0,5})-of-([1-9]\d{0,5})")
GATHERED = "gathered.json"
"""Until a merge has come to its end: which shards were moved, so that one that was killed goes on."""
CHALLENGE = "challenge"
"""What the manifest calls the challenge's own questions."""


def list_settings(
    predictor: Predictor,
    split: str | None,
    language: Language | None,
    system_name: str,
    pictures: bool,
    bundle: bool,
    lie: Lie,
) -> dict[str, Any]:
    """Return what decides a run's files: models, versions, and what was asked for."""
    return {
        "system_name": system_name,
        "split": split,
        "language": language or "all",
        "pictures": pictures,
        "bundle": bundle,
        "masks": lie if predictor.gives_masks else None,
        "questions": CHALLENGE
        if predictor.questions.digest == load_challenge().digest
        else {family.family_id: list(family.options["en"]) for family in predictor.questions.families},
        "models": dict(predictor.models),
        "backend": dict(predictor.backends),
        "threshold": predictor.segmenter.threshold
        if predictor.gives_masks and predictor.segmenter is not None
        else None,
        **({"prompt": predictor.prompt_kind} if predictor.prompt_kind != UNSAID["prompt"] else {}),
        "seed": SEED,
        "versions": {
            "magic_demo": __version__,
            "python": platform.python_version(),
            **list_versions(),
            "numpy": np.__version__,
        },
    }


def start_run(out: Path, settings: Mapping[str, Any], restart: bool) -> str:
    """Write the manifest of a run under way, after checking that ``out`` holds no run with other settings."""
    manifest = out / MANIFEST
    started = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    if manifest.is_file() and not restart:
        try:
            before = json.loads(read_user_text(manifest, LIMITS.json_bytes))
            unknown = [name for name in settings if name not in {**UNSAID, **before["settings"]}]
            differing = find_differing(before["settings"], settings)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise FormatError(
                "{manifest}: not a manifest of this program ({reason}); choose another --out or add "
                "--restart",
                manifest=manifest,
                reason=error,
            ) from error
        if unknown and not differing:
            raise FormatError(
                "{out}: holds a run of an older version, which did not keep its {settings}, so that the "
                "rest might be predicted otherwise; choose another --out, or add --restart to "
                "replace that run",
                out=out,
                settings=" and ".join(unknown),
            )
        if differing:
            raise FormatError(
                "{out}: holds a run with another {settings}; choose another --out, or add --restart to "
                "replace that run",
                out=out,
                settings=" and ".join(differing),
            )
        started = before.get("started", started)
    elif restart:
        _remove_run(out)
    elif any(not is_part(path) and not SHARD_FOLDER.fullmatch(path.name) for path in out.iterdir()):
        # a run that was killed at its very beginning may leave a part
        raise FormatError(
            "{out}: is not empty and holds no run of this program; choose another --out, or add "
            "--restart to write into it",
            out=out,
        )
    write_json(manifest, {"settings": settings, "started": started, "finished": None}, indent=1)
    return started


def find_differing(kept: Mapping[str, Any], asked: Mapping[str, Any]) -> list[str]:
    """Return the names of settings that a run kept otherwise than they are asked for; those it did not keep do not
    count."""
    then, now = {**UNSAID, **kept}, {**UNSAID, **asked}
    return [name for name in now if name in then and then[name] != now[name]]


def finish_run(out: Path, settings: Mapping[str, Any], started: str, results: Mapping[str, Any]) -> None:
    """Write the manifest of a run that came to its end."""
    finished = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    write_json(
        out / MANIFEST,
        {"settings": settings, "started": started, "finished": finished, "results": results},
        indent=1,
    )


def _remove_run(out: Path) -> None:
    """Remove what the run in ``out`` wrote, and nothing else: its files must not stand beside those of the
    next."""
    for name in (GATHERED, RANKING):
        (out / name).unlink(missing_ok=True)
    journal = out / JOURNAL
    if journal.is_file():
        for entry in Journal(journal, out / MASKS).values():
            remove_prediction(out / BUNDLE, entry.encounter_id)
            for name in entry.masks:
                (out / MASKS / Path(name).name).unlink(missing_ok=True)
                (out / PICTURES / f"{Path(name).name.removesuffix(mask_file_name(''))}.jpg").unlink(
                    missing_ok=True
                )
        (out / ANSWERS).unlink(missing_ok=True)
        journal.unlink()
