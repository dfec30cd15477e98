"""What a run was: its settings, data, first weights, versions and commit, kept in its folder and beside its best model, and
compared when it is resumed."""

from __future__ import annotations

import dataclasses
import json
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from magic_demo.core.disk.user_files import LARGEST_CONFIG, read_user_text
from magic_demo.core.disk.whole_files import write_json, write_whole
from magic_demo.core.limits import LIMITS
from magic_demo.core.messages import chain
from magic_demo.core.version import __version__
from magic_demo.models.backends.backend import list_versions
from training.runs.reports.data_table import SourceTable, write_tables
from training.runs.run import SettingsError

SETTINGS, DATA, STARTS, VERSIONS = "settings.yaml", "data.json", "starts.json", "versions.json"
MAY_CHANGE = (
    "data.folder",
    "data.cache",
    "data.bad_files",
    "data.least_found",
    "run.output",
    "run.keep",
    "run.threads",
    "run.workers",
    "pictures.every",
    "pictures.count",
    "pictures.side",
)
"""Settings that a resumed run may have otherwise: they change neither what is learnt nor in which order. The
data may have moved; that it is the same is compared by its table."""


def check_resumed(output: Path, settings: Any) -> None:
    """Compare a resumed run's settings with those it began with.

    Raises SettingsError that names each setting that differs. A run of before there was a record passes.
    """
    kept = output / SETTINGS
    if not kept.is_file():
        return
    before, now = (
        _flatten(content)
        for content in (yaml.safe_load(read_user_text(kept, LARGEST_CONFIG)), plain(settings))
    )
    changes = [
        f"{key} was {before.get(key)!r} and is {now.get(key)!r}"
        for key in dict.fromkeys([*before, *now])
        if before.get(key) != now.get(key) and key not in MAY_CHANGE
    ]
    if changes:
        raise SettingsError(
            "{output}: the run was begun with other settings: {changes}; resume it with the same, or begin "
            "another --output",
            output=output,
            changes=chain(changes),
        )


def keep_record(
    output: Path,
    settings: Any,
    tables: Sequence[SourceTable],
    *,
    starts: Mapping[str, str] | None = None,
    resume: bool,
) -> None:
    """Write the settings as they were resolved, the data's tables, the weights that the run starts from
    (``starts.name_starts``), and the versions; compare the last three with what is there when the run is resumed.

    Raises SettingsError where the data or these weights are no longer the same; other versions are a line on
    the standard error.
    """
    versions = describe_versions()
    if resume and (output / DATA).is_file():
        _compare_data(output / DATA, tables)
        _compare_starts(output / STARTS, starts or {})
        before = json.loads(read_user_text(output / VERSIONS, LIMITS.json_bytes))
        for name in dict.fromkeys([*before, *versions]):
            if before.get(name) != versions.get(name):
                print(
                    f"note: resumed with {name} {versions.get(name)}, begun with {before.get(name)}; "
                    "the end may differ",
                    file=sys.stderr,
                )
        return
    text = yaml.safe_dump(plain(settings), sort_keys=False, allow_unicode=True)
    write_whole(output / SETTINGS, text)
    write_tables(output / DATA, tables)
    write_json(output / STARTS, dict(starts or {}), indent=1)
    write_json(output / VERSIONS, versions, indent=1)


def copy_record(output: Path, best: Path) -> None:
    """Put the record beside the best model."""
    for name in (SETTINGS, DATA, STARTS, VERSIONS):
        if (output / name).is_file():  # a run of an earlier version has not all of them
            shutil.copyfile(output / name, best / name)


def describe_versions() -> dict[str, str]:
    """Return what a run depends on beside its settings and data, and the commit of a checkout, marked where it
    holds changes."""
    return {
        "magic-demo": __version__,
        "commit": _find_commit(),
        "python": platform.python_version(),
        **list_versions(),
    }


def plain(value: Any) -> Any:
    """Return settings as YAML knows them: mappings, lists, texts and numbers."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def _compare_data(path: Path, tables: Sequence[SourceTable]) -> None:
    before = {table["name"]: table for table in json.loads(read_user_text(path, LIMITS.json_bytes))}
    changes = []
    for table in tables:
        old: Mapping[str, Any] = before.get(table.name, {"counts": {}, "digest": ""})
        counts = [
            f"{table.name}: {column} were {old['counts'].get(column)} and are {table.counts.get(column)}"
            for column in dict.fromkeys([*old["counts"], *table.counts])
            if old["counts"].get(column) != table.counts.get(column)
        ]
        changes += counts or ([f"{table.name}: the ids differ"] if old["digest"] != table.digest else [])
    if changes:
        raise SettingsError(
            "{output}: the run was begun with other data: {changes}; give it the same, or begin another --output",
            output=path.parent,
            changes=chain(changes),
        )


def _compare_starts(path: Path, starts: Mapping[str, str]) -> None:
    if not path.is_file():  # a run of before this was kept
        return
    before: dict[str, str] = json.loads(read_user_text(path, LIMITS.json_bytes))
    changes = [
        f"{name} was {before.get(name)} and is {starts.get(name)}"
        for name in dict.fromkeys([*before, *starts])
        if before.get(name) != starts.get(name)
    ]
    if changes:
        raise SettingsError(
            "{output}: the run was begun from other weights: {changes}; put them back, or begin another --output",
            output=path.parent,
            changes=chain(changes),
        )


def _flatten(content: Any, at: str = "") -> dict[str, Any]:
    """Return nested mappings and lists as "data.training.0.repeat" -> value."""
    if isinstance(content, dict):
        parts = content.items()
    elif isinstance(content, list):
        parts = {str(place): item for place, item in enumerate(content)}.items()
    else:
        return {at: content}
    found: dict[str, Any] = {}
    for key, value in parts:
        found.update(_flatten(value, f"{at}.{key}".lstrip(".")))
    return found


def _find_commit() -> str:
    """Return the commit of the checkout that the program runs from, "-" where it is installed without one."""
    folder = Path(__file__).resolve().parents[2]
    if not (folder / ".git").exists():
        return "-"
    try:
        commit, changed = (
            subprocess.run(
                ["git", "-C", str(folder), *words], capture_output=True, text=True, timeout=20, check=True
            ).stdout.strip()
            for words in (("rev-parse", "HEAD"), ("status", "--porcelain", "--untracked-files=no"))
        )
    except (OSError, subprocess.SubprocessError):
        return "-"
    return f"{commit}, with changes" if changed else commit
