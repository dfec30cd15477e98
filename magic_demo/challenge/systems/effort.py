"""What a system's answers took: time, memory, and what its calls cost, as its run has written it down."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from magic_demo.challenge.run_folder import BUNDLE, MANIFEST
from magic_demo.challenge.running.watching import PEAK_MEMORY
from magic_demo.challenge.systems.chat.running import COSTS
from magic_demo.core.disk.user_files import read_user_text
from magic_demo.core.limits import LIMITS


@dataclass(frozen=True)
class Effort:
    """What was measured of a system; None for what was not.

    seconds: a case. memory_mb: most that its process held at once, the program itself included. cost: of all
    cases together, in the currency that ``ask --price`` was given. source: where the numbers come from.
    """

    seconds: float | None = None
    memory_mb: float | None = None
    cost: float | None = None
    source: str = ""


UNMEASURED = Effort()


def read_effort(place: Path) -> Effort:
    """Return what a run has written down beside its files: ``predict`` in its manifest, ``ask`` in its costs; nothing
    for other systems' files.

    place: as of ``read_system``.
    """
    folder = place.parent if place.name == BUNDLE or place.is_file() else place
    costs = _read(folder / COSTS)
    cases, seconds = costs.get("cases"), costs.get("seconds")
    if isinstance(cases, int) and cases > 0 and isinstance(seconds, int | float):
        cost = costs.get("cost")
        return Effort(seconds / cases, None, float(cost) if isinstance(cost, int | float) else None, "calls")
    results = _read(folder / MANIFEST).get("results")
    now = results.get("done_now") if isinstance(results, dict) else None
    if not isinstance(results, dict) or not isinstance(now, dict):
        return UNMEASURED
    cases, seconds, peak = now.get("encounters"), now.get("seconds"), results.get(PEAK_MEMORY)
    if not isinstance(cases, int) or cases < 1 or not isinstance(seconds, int | float):
        return UNMEASURED
    return Effort(seconds / cases, float(peak) if isinstance(peak, int | float) else None, None, "run")


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(read_user_text(path, LIMITS.json_bytes))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
