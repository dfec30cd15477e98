"""Ask whether what a user installs has known holes: ``python -m tests.repository.dependencies.audit``, part of ``make
check``.

Every package that requirements.txt brings, with those that they bring, is looked up at the version installed
here. A hole fails the check, and so does a package that could not be looked up. ``--offline`` is for machines
that the service cannot be reached from: it asks nothing, says of which packages nothing is known, and passes.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

REQUIREMENTS = Path(__file__).resolve().parents[3] / "requirements.txt"
SECONDS = 300
"""All packages together; each is one small request."""


def list_installed(requirements: Path = REQUIREMENTS) -> dict[str, str]:
    """Return name -> version of what a requirements file brings, as it is installed here."""
    waiting = [
        line for line in requirements.read_text(encoding="utf-8").splitlines() if re.match(r"\w", line)
    ]
    found: dict[str, str] = {}
    while waiting:
        wanted = Requirement(waiting.pop())
        name = re.sub(r"[-_.]+", "-", wanted.name).lower()
        if name in found or (wanted.marker is not None and not wanted.marker.evaluate({"extra": ""})):
            continue
        try:
            package = distribution(name)
        except PackageNotFoundError:  # of another system, or left out by the installer
            continue
        found[name] = package.version.partition("+")[0]
        waiting.extend(package.requires or [])
    return found


def ask(pins: dict[str, str]) -> str:
    """Return what pip-audit says of these versions, as JSON; empty where it says nothing."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "pins.txt"
        file.write_text(
            "".join(f"{name}=={version}\n" for name, version in sorted(pins.items())), encoding="utf-8"
        )
        options = [
            "--no-deps",
            "--disable-pip",
            "--format",
            "json",
            "--progress-spinner",
            "off",
            "--timeout",
            "10",
        ]
        command = [sys.executable, "-m", "pip_audit", "--requirement", str(file), *options]
        try:
            return subprocess.run(
                command, capture_output=True, text=True, timeout=SECONDS, check=False
            ).stdout
        except subprocess.TimeoutExpired:
            return ""


def report(pins: dict[str, str], asked: Callable[[dict[str, str]], str] = ask) -> tuple[int, list[str]]:
    """Return the exit code and what to print: 1 for a known hole, 2 where packages could not be looked up, 0
    where all were and none has a hole."""
    try:
        told = json.loads(asked(pins))["dependencies"]
    except (ValueError, KeyError, TypeError):
        told = []
    looked_up = [one for one in told if "vulns" in one]
    lines = [
        f"{one['name']} {one['version']}: {hole['id']}, mended in "
        f"{', '.join(hole['fix_versions']) or 'no version yet'}"
        for one in looked_up
        for hole in one["vulns"]
    ]
    missing = sorted(set(pins) - {one["name"] for one in looked_up})
    if missing:
        what = f"{len(missing)} of {len(pins)} packages" if looked_up else "all packages"
        lines.append(
            f"AUDIT NOT DONE for {what}: the advisory service did not answer for "
            f"{', '.join(missing[:8])}{' ...' * (len(missing) > 8)}."
        )
        lines.append(
            "Whether they have known holes is not known. Run `make audit` where there is a network, or "
            "`make audit AUDIT=--offline` where there is none."
        )
    found = sum(len(one["vulns"]) for one in looked_up)
    lines.append(f"audit: {len(looked_up)} of {len(pins)} packages looked up, {found} known holes")
    return (1 if found else 2 if missing or not pins else 0), lines


def report_offline(pins: dict[str, str]) -> tuple[int, list[str]]:
    """Return exit code 0 and what to print where nothing is to be asked: every package that nothing is known
    of."""
    return 0, [
        f"AUDIT NOT DONE (--offline): nothing was looked up of {', '.join(sorted(pins))}",
        f"audit: 0 of {len(pins)} packages looked up",
    ]


if __name__ == "__main__":
    if sys.argv[1:] not in ([], ["--offline"]):
        sys.exit("python -m tests.repository.dependencies.audit [--offline]")
    code, said = (report_offline if sys.argv[1:] else report)(list_installed())
    print("\n".join(said))
    sys.exit(code)
