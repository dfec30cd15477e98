"""What is installed is what the lock files say, to the byte; they say what requirements*.txt pin, and
everything that those bring."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import version

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from magic_demo.commands.setup import locked
from tests.repository.dependencies.audit import list_installed
from tests.repository.dependencies.lock import (
    APART,
    CPU,
    CUDA,
    DEV,
    EXTRAS,
    OF_CUDA,
    REPOSITORY,
    USER,
    parse,
)

LOCKS = {name: parse((REPOSITORY / name).read_text(encoding="utf-8")) for name in (USER, DEV, CPU, CUDA)}
EXTRA_LOCKS = {
    name: parse((REPOSITORY / f"requirements-{name}.lock").read_text(encoding="utf-8"))
    for name in (*EXTRAS, *APART)
}
PINS = {
    path.name: [line for line in path.read_text(encoding="utf-8").splitlines() if re.match(r"\w", line)]
    for path in sorted(REPOSITORY.glob("requirements*.txt"))
}

APART_PINS = {f"requirements-{name}.txt" for name in APART}
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
RANGES: dict[str, list[str]] = {"": PROJECT["dependencies"], **PROJECT["optional-dependencies"]}
"""Extra -> what it brings; without a name, what everybody installs."""


def _version(entry: str) -> str:
    found = re.match(r"[^=]+==([^\s;]+)", entry)
    assert found is not None, entry
    return found[1]


@pytest.mark.parametrize("lock", [*LOCKS.values(), *EXTRA_LOCKS.values()], ids=[*LOCKS, *EXTRA_LOCKS])
def test_every_package_of_a_lock_has_one_version_and_hashes(lock: dict[str, str]) -> None:
    assert lock
    for entry in lock.values():
        assert re.fullmatch(
            r"[\w.-]+==[\w.+!]+( ; [^\\\n]+)?( \\\n    --hash=sha256:[0-9a-f]{64})+", entry
        ), entry


@pytest.mark.parametrize("name", PINS)
def test_every_pin_is_locked_at_its_version(name: str) -> None:
    locks = [LOCKS[DEV], LOCKS[USER]] if name == "requirements.txt" else [LOCKS[DEV]]
    if name in APART_PINS:
        locks = [EXTRA_LOCKS[name.removeprefix("requirements-").removesuffix(".txt")]]
    for line in PINS[name]:
        package, pinned = line.partition("#")[0].strip().split("==")  # a pin is exact: nothing floats
        for lock in locks:
            assert _version(lock[package.lower()]) == pinned, f"{line}: run make lock"


def test_what_a_user_and_what_a_check_installs_are_the_same_files() -> None:
    assert LOCKS[USER] == {name: LOCKS[DEV][name] for name in LOCKS[USER]} and not set(LOCKS[CUDA]) & set(
        LOCKS[DEV]
    )
    assert all(name.startswith(OF_CUDA) for name in LOCKS[CUDA])
    assert {name: _version(entry) for name, entry in LOCKS[CPU].items()} == {
        "torch": f"{_version(LOCKS[USER]['torch'])}+cpu"
    }


@pytest.mark.parametrize("extra", EXTRAS)
def test_an_extra_s_lock_is_what_it_brings_beside_what_a_user_has(extra: str) -> None:
    lock = EXTRA_LOCKS[extra]
    assert lock == {name: LOCKS[DEV][name] for name in lock} and not set(lock) & set(LOCKS[USER])
    for line in PINS[f"requirements-{extra}.txt"]:
        assert line.partition("==")[0] in {*lock, *LOCKS[USER]}
    brought = {
        name
        for name in list_installed(REPOSITORY / f"requirements-{extra}.txt")
        if not name.startswith(OF_CUDA)
    }
    assert brought <= {*lock, *LOCKS[USER]}, "run make lock"


@pytest.mark.parametrize("extra", APART)
def test_what_checks_do_not_install_is_locked_in_the_versions_of_what_they_do(extra: str) -> None:
    lock = EXTRA_LOCKS[extra]
    assert not set(lock) & set(LOCKS[USER])
    assert {name: entry for name, entry in lock.items() if name in LOCKS[DEV]} == {
        name: LOCKS[DEV][name] for name in lock if name in LOCKS[DEV]
    }


def test_what_is_said_of_extras_installs_from_locks() -> None:
    said = [
        REPOSITORY / "README.md",
        *(REPOSITORY / "docs").glob("*.md"),
        *(REPOSITORY / "magic_demo").rglob("*.py"),
    ]
    for path in said:
        found = re.findall(
            r"pip install -r (requirements-(?:dicom|openvino|postgres|ray|train|vlm)\.\w+)",
            path.read_text(encoding="utf-8"),
        )
        assert all(name.endswith(".lock") and (REPOSITORY / name).is_file() for name in found), path


def test_the_package_has_an_extra_for_every_file_of_pins() -> None:
    files = {f"requirements-{extra}.txt" for extra in RANGES if extra}
    assert {*files, "requirements.txt", "requirements-dev.txt"} == set(PINS)
    assert {*EXTRAS, *APART} == RANGES.keys() - {""}


@pytest.mark.parametrize("extra", RANGES)
def test_every_pin_lies_in_the_range_that_the_package_allows(extra: str) -> None:
    ranges = {canonicalize_name(one.name): one.specifier for one in map(Requirement, RANGES[extra])}
    pins = {}
    for line in PINS[f"requirements-{extra}.txt" if extra else "requirements.txt"]:
        name, _, pinned = line.partition("#")[0].strip().partition("==")
        pins[canonicalize_name(name)] = pinned
    assert pins.keys() == ranges.keys(), "pyproject.toml and the pins name the same packages"
    for name, pinned in pins.items():
        assert ranges[name].contains(pinned), f"{name}=={pinned} is not in {ranges[name]} of pyproject.toml"
        assert {bound.operator for bound in ranges[name]} == {">=", "<"}, f"{name}: a range has two ends"


def test_everything_that_the_pins_bring_is_installed_as_locked() -> None:
    for file, lock in (("requirements.txt", USER), *((name, DEV) for name in PINS.keys() - APART_PINS)):
        for name, installed in list_installed(REPOSITORY / file).items():
            if not name.startswith(OF_CUDA) and name != "pip":
                assert name in LOCKS[lock] and installed == _version(LOCKS[lock][name]), (
                    f"{name} {installed}: not as in {lock}; run make lock"
                )


def test_the_gate_s_servers_are_among_what_islocked() -> None:
    assert {"starlette", "fastapi", "uvicorn", "python-multipart"} <= set(LOCKS[USER])
    assert version("starlette") == _version(LOCKS[USER]["starlette"])


REAL_PACKAGES = "$(VENV)-real/bin/pip install --quiet -r tests/real_packages/requirements.txt"
LANGUAGE = (
    "$(VENV)-language/bin/pip install --quiet --no-deps -r tests/real_packages/language/requirements.txt"
)
S3 = "$(VENV)-s3/bin/pip install --quiet -r tests/real_packages/s3/requirements.txt"
"""Environments of their own, of which nobody runs the program but a test: their pins have no hashes."""
RAY = "$(VENV)-ray/bin/pip install --quiet --require-hashes --no-deps -r requirements-ray.lock"
ASK_UV = "$(BIN)/pip install --quiet uv=="


def test_make_installs_from_locks_with_hashes_alone() -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    installs = [line for line in re.findall(r"\t(.*pip install.*)", makefile) if not line.startswith(ASK_UV)]
    assert installs == [REAL_PACKAGES, LANGUAGE, RAY, S3]
    assert re.findall(r"call install,([\w.-]+)", makefile) == [USER, DEV]
    assert "-m magic_demo setup --environment $(VENV) --torch $(TORCH) --lock $(1)" in makefile
    assert {"--require-hashes", "--no-deps"} <= set(locked(USER))


def test_no_pin_is_a_range() -> None:
    for name, lines in PINS.items():
        for line in lines:
            assert [specifier.operator for specifier in Requirement(line.partition("#")[0]).specifier] == [
                "=="
            ], f"{name}: {line}"
