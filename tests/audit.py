"""Ask whether what a user installs has known holes: ``python -m tests.audit``, part of ``make check``.

Every package that requirements.txt brings, with those that they bring, is looked up at the version installed here. A hole fails the check. Where the
service cannot be reached nothing is known: that is said in capitals, and does not fail a check that must not need a network.
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

REQUIREMENTS = Path(__file__).resolve().parent.parent / "requirements.txt"
SECONDS = 300
"""All packages together; each is one small request."""


def list_installed(requirements: Path = REQUIREMENTS) -> dict[str, str]:
    """Return name -> version of what a requirements file brings, as it is installed here."""
    waiting = [line for line in requirements.read_text(encoding="utf-8").splitlines() if re.match(r"\w", line)]
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
        file.write_text("".join(f"{name}=={version}\n" for name, version in sorted(pins.items())), encoding="utf-8")
        options = ["--no-deps", "--disable-pip", "--format", "json", "--progress-spinner", "off", "--timeout", "10"]
        command = [sys.executable, "-m", "pip_audit", "--requirement", str(file), *options]
        try:
            return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False).stdout
        except subprocess.TimeoutExpired:
            return ""


def report(pins: dict[str, str], asked: Callable[[dict[str, str]], str] = ask) -> tuple[int, list[str]]:
    """Return the exit code and what to print: 1 for a known hole, 0 otherwise, whether anything could be looked up or not."""
    try:
        told = json.loads(asked(pins))["dependencies"]
    except (ValueError, KeyError, TypeError):
        told = []
    looked_up = [one for one in told if "vulns" in one]
    lines = [
        f"{one['name']} {one['version']}: {hole['id']}, mended in {', '.join(hole['fix_versions']) or 'no version yet'}"
        for one in looked_up
        for hole in one["vulns"]
    ]
    missing = sorted(set(pins) - {one["name"] for one in looked_up})
    if missing:
        what = f"{len(missing)} of {len(pins)} packages" if looked_up else "all packages"
        lines.append(
            f"AUDIT NOT DONE for {what}: the advisory service did not answer for {', '.join(missing[:8])}{' ...' * (len(missing) > 8)}."
        )
        lines.append("Whether they have known holes is not known. Run `make audit` where there is a network.")
    found = sum(len(one["vulns"]) for one in looked_up)
    lines.append(f"audit: {len(looked_up)} of {len(pins)} packages looked up, {found} known holes")
    return (1 if found else 0), lines


if __name__ == "__main__":
    code, said = report(list_installed())
    print("\n".join(said))
    sys.exit(code)
