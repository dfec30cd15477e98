"""Write the lock files from the pins of requirements*.txt: ``make lock``, after a pin was changed.

Needs a network.

requirements.lock is what a user installs and requirements-dev.lock what checks need besides, every package
with the hashes of its files, for all systems and Pythons. requirements-dicom.lock, -openvino.lock,
-postgres.lock, -ray.lock, -train.lock and -vlm.lock are what these extras bring beside it. requirements-cpu.lock is the CPU build of
torch, which setup installs before them; requirements-cuda.lock what PyPI's builds of torch for Linux want
besides. Each says how much it fetches on Linux: torch is counted with the last two.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from packaging.markers import Marker
from packaging.tags import compatible_tags, cpython_tags
from packaging.utils import parse_wheel_filename

REPOSITORY = Path(__file__).resolve().parents[3]
USER, DEV, CPU, CUDA = (
    "requirements.lock",
    "requirements-dev.lock",
    "requirements-cpu.lock",
    "requirements-cuda.lock",
)
EXTRAS = ("dicom", "openvino", "postgres", "train", "vlm")
APART = ("ray",)
"""Extras that checks do not install, as they are large: ``make interop`` does."""
OF_CUDA = ("nvidia-", "cuda-", "triton")
CPU_BUILDS = (
    "6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b",  # cp311, x86_64
    "84453b69508ec79902f899c5ed9495acb9e2bbe9fda5f1d5d6f19e3c3842e1a7",  # cp311, aarch64
    "4ca4a9394b0c771238a4f73590fdbbc4debad85ed0fa63d026ae1b085da7d6e2",  # cp312, x86_64
    "6f307c2c32d764ffc6ff6893b801fad6d4752f3e67966cb8abf1843427c02604",  # cp312, aarch64
    "3fbf9c9d1f3c10c2d59d04aca426dee9ccc6ceb32d255c61e93acc3b4f75fae6",  # cp313, x86_64
    "0b8f7d0423027ae8b90c7977c627f3379f325363a08224dffad9b4b2d684a83d",  # cp313, aarch64
    "d20fa53ee744502fa4c69818a720b05ca0d37abd055d4f6e66cae155114bc691",  # cp314, x86_64
    "ca021f9eb2f8345c83fa03e3a04587308afb8df71bd472670b3ece00df58621c",  # cp314, aarch64
)
"""Of the wheels torch-2.13.0+cpu, manylinux_2_28, as PyTorch's index lists them; they are not on PyPI. In one
file with PyPI's builds pip would never choose them. To be copied by hand with a new version."""
CPU_BYTES = 191_794_682
"""Of the first of them; the others are no larger by more than 0.1 MB."""
LINUX = [
    *(f"manylinux_2_{minor}_x86_64" for minor in range(28, 4, -1)),
    "manylinux2014_x86_64",
    "linux_x86_64",
]
COUNTED = [*cpython_tags((3, 11), platforms=LINUX), *compatible_tags((3, 11), "cp311", LINUX)]
"""Tags of wheels that pip takes on the system that sizes are counted for, the most wanted first."""
COUNTED_FOR = {
    "python_version": "3.11",
    "python_full_version": "3.11.9",
    "sys_platform": "linux",
    "platform_machine": "x86_64",
    "platform_system": "Linux",
    "os_name": "posix",
    "implementation_name": "cpython",
    "platform_python_implementation": "CPython",
}
HEAD = (
    "# Written by make lock from {source}; not to be changed by hand. pip install --require-hashes "
    "--no-deps -r {name}"
)
SIZE = "# To fetch: {megabytes} MB, {what}, as counted for Linux on x86-64 with Python 3.11"


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


def compile_sizes(source: str) -> dict[str, int]:
    """Return name -> bytes of the wheel that pip takes on Linux with Python 3.11, of what a requirements file
    brings there in the versions that are locked."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "pylock.toml"
        options = ["--universal", "--python-version", "3.11", "--quiet", "--output-file", str(out)]
        options += ["--format", "pylock.toml", "--constraint", str(REPOSITORY / DEV)]
        subprocess.run(
            [sys.executable, "-m", "uv", "pip", "compile", source, *options], check=True, cwd=REPOSITORY
        )
        packages = tomllib.loads(out.read_text(encoding="utf-8"))["packages"]
    wanted = [one for one in packages if "marker" not in one or Marker(one["marker"]).evaluate(COUNTED_FOR)]
    return {one["name"]: _weigh(one) for one in wanted}


def _weigh(package: dict[str, Any]) -> int:
    rank = {tag: place for place, tag in enumerate(COUNTED)}
    sizes: dict[int, int] = {}
    for wheel in package.get("wheels", []):
        tags = parse_wheel_filename(unquote(wheel["url"].rpartition("/")[2]))[3]
        sizes |= {rank[tag]: wheel["size"] for tag in tags if tag in rank}
    return int(sizes[min(sizes)] if sizes else package["sdist"]["size"])


def write_lock(name: str, source: str, entries: dict[str, str], fetched: int, what: str) -> None:
    """Write a lock file, packages by name. fetched: bytes; what: of what."""
    lines = [
        HEAD.format(source=source, name=name),
        SIZE.format(megabytes=round(fetched / 1e6), what=what),
        *(entries[package] for package in sorted(entries)),
    ]
    (REPOSITORY / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> None:
    """Write all of them; what several files hold has one version.

    What is locked already stays as it is while the pins allow it.
    """
    before = REPOSITORY / DEV
    everything = compile_pins("requirements-dev.txt", before if before.is_file() else None)
    version = everything["torch"].partition("==")[2].split()[0]
    hashes = " \\\n".join(f"    --hash=sha256:{one}" for one in CPU_BUILDS)
    write_lock(
        CPU,
        "requirements.txt",
        {"torch": f"torch=={version}+cpu \\\n{hashes}"},
        CPU_BYTES,
        "torch for processors",
    )
    of_cuda = {name: entry for name, entry in everything.items() if name.startswith(OF_CUDA)}
    everything = {name: entry for name, entry in everything.items() if not name.startswith(OF_CUDA)}
    sizes: dict[str, int] = {}

    def fetch(names: Iterable[str]) -> int:
        return sum(sizes.get(name, 0) for name in names)

    write_lock(DEV, "requirements-dev.txt", everything, 0, "")  # what sizes are resolved with
    sizes = compile_sizes("requirements-dev.txt")
    write_lock(
        CUDA,
        "requirements.txt",
        of_cuda,
        fetch({*of_cuda, "torch"}),
        "torch for NVIDIA's cards with what it needs",
    )
    without = "torch left out"
    write_lock(DEV, "requirements-dev.txt", everything, fetch(everything.keys() - {"torch"}), without)
    asked = compile_pins("requirements.txt", before)
    user = {name: everything[name] for name in asked if name in everything}
    write_lock(USER, "requirements.txt", user, fetch(user.keys() - {"torch"}), without)
    for extra in (*EXTRAS, *APART):
        lock_extra(extra, everything, asked.keys(), before)


def lock_extra(extra: str, everything: Mapping[str, str], asked: Collection[str], constraints: Path) -> None:
    """Write an extra's lock: what it brings beside what is asked for anyway, in the versions of everything."""
    source = f"requirements-{extra}.txt"
    brings = {
        name: everything.get(name, entry)
        for name, entry in compile_pins(source, constraints).items()
        if name not in asked and not name.startswith(OF_CUDA)
    }
    sizes = compile_sizes(source)
    fetched = sum(sizes.get(name, 0) for name in brings)
    write_lock(f"requirements-{extra}.lock", source, brings, fetched, "beside requirements.lock")


if __name__ == "__main__":
    main()
