"""Write the lock files from the pins of requirements*.txt: ``make lock``, after a pin was changed.

Needs a network.

requirements.lock is what a user installs and requirements-dev.lock what checks need besides, every package
with the hashes of its files, for all systems and Pythons. requirements-dicom.lock, -openvino.lock,
-postgres.lock and -train.lock are what these extras bring beside it. requirements-cpu.lock is one CPU build of torch,
installed before them where pip is told of it; requirements-cuda.lock what PyPI's builds of torch for Linux
want besides.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
USER, DEV, CPU, CUDA = (
    "requirements.lock",
    "requirements-dev.lock",
    "requirements-cpu.lock",
    "requirements-cuda.lock",
)
EXTRAS = ("dicom", "openvino", "postgres", "train")
OF_CUDA = ("nvidia-", "cuda-", "triton")
CPU_BUILD = "6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b"
"""Of torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl, which is not on PyPI. In one file with PyPI's
builds pip would never choose it."""
HEAD = (
    "# Written by make lock from {source}; not to be changed by hand. pip install --require-hashes "
    "--no-deps -r {name}"
)


def parse(text: str) -> dict[str, str]:
    """Return name -> entry of a lock file: version, markers and hashes, as pip reads them."""
    entries = re.split(r"\n(?=[A-Za-z0-9])", "\n" + re.sub(r"(?m)^\s*#.*\n?", "", text))
    return {entry.partition("==")[0].strip().lower(): entry.rstrip() for entry in entries if "==" in entry}


def compile_pins(source: str, constraints: Path | None) -> dict[str, str]:
    """Resolve a requirements file and all that it brings.

    Raises CalledProcessError where there is no network or no such release.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "lock.txt"
        options = [
            "--universal",
            "--python-version",
            "3.11",
            "--generate-hashes",
            "--quiet",
            "--no-annotate",
            "--output-file",
            str(out),
        ]
        options += ["--constraint", str(constraints)] if constraints else []
        subprocess.run(
            [sys.executable, "-m", "uv", "pip", "compile", source, *options], check=True, cwd=REPOSITORY
        )
        found = parse(out.read_text(encoding="utf-8"))
    found.pop("pip", None)  # it installs the others, and comes with the environment
    return found


def write_lock(name: str, source: str, entries: dict[str, str]) -> None:
    """Write a lock file, packages by name."""
    lines = [HEAD.format(source=source, name=name), *(entries[package] for package in sorted(entries))]
    (REPOSITORY / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> None:
    """Write all of them; what several files hold has one version.

    What is locked already stays as it is while the pins allow it.
    """
    before = REPOSITORY / DEV
    everything = compile_pins("requirements-dev.txt", before if before.is_file() else None)
    version = everything["torch"].partition("==")[2].split()[0]
    write_lock(CPU, "requirements.txt", {"torch": f"torch=={version}+cpu \\\n    --hash=sha256:{CPU_BUILD}"})
    write_lock(
        CUDA,
        "requirements.txt",
        {name: entry for name, entry in everything.items() if name.startswith(OF_CUDA)},
    )
    everything = {name: entry for name, entry in everything.items() if not name.startswith(OF_CUDA)}
    write_lock(DEV, "requirements-dev.txt", everything)
    asked = compile_pins("requirements.txt", before)
    write_lock(USER, "requirements.txt", {name: everything[name] for name in asked if name in everything})
    for extra in EXTRAS:
        source = f"requirements-{extra}.txt"
        brings = {
            name: everything[name]
            for name in compile_pins(source, before)
            if name in everything and name not in asked
        }
        write_lock(f"requirements-{extra}.lock", source, brings)


if __name__ == "__main__":
    main()
