"""The Dockerfile and compose.yaml say what docs/containers.md says; the Dockerfile's steps are carried out as a
script, as no engine runs here."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from magic_demo.core.limits import Limits

REPOSITORY = Path(__file__).resolve().parents[2]
DOCKERFILE = REPOSITORY / "Dockerfile"


def read_steps() -> list[tuple[str, str]]:
    """Return the Dockerfile's instructions with their words, continued lines joined."""
    text = re.sub(r"(?m)^#.*\n", "", DOCKERFILE.read_text(encoding="utf-8"))
    lines = re.sub(r"\\\n\s*", " ", text).splitlines()
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in lines if line.strip()]


def test_the_image_is_slim_runs_as_no_root_and_keeps_two_volumes() -> None:
    steps = read_steps()
    last = steps[max(i for i, step in enumerate(steps) if step[0] == "FROM") :]
    assert all(
        words.split()[0].split(":")[1].endswith("-slim-bookworm") for name, words in steps if name == "FROM"
    )
    said = dict(last)
    assert said["USER"].split(":")[0].isdigit() and said["USER"] != "0:0"
    assert json.loads(said["VOLUME"]) == ["/data", "/cache"] and said["WORKDIR"] == "/data"
    assert "HF_HOME=/cache" in said["ENV"] and said["EXPOSE"] == "7860"
    assert ("ARG", "TORCH=cpu") in steps
    assert not [words for name, words in steps if re.search(r"apt-get|gcc|build-essential", words)]
    order = [name for name, _ in last]
    assert order.index("USER") > max(i for i, name in enumerate(order) if name == "RUN")


def test_what_the_dockerfile_copies_goes_to_the_engine_and_nothing_else_does() -> None:
    let_in = {
        line[1:] for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if line.startswith("!")
    }
    copied = {
        source.split("/")[0]
        for name, words in read_steps()
        if name == "COPY" and "--from" not in words
        for source in words.split()[:-1]
    }
    assert copied == let_in


def test_compose_has_a_database_a_proxy_and_nothing_open_but_the_proxy() -> None:
    services = yaml.safe_load((REPOSITORY / "compose.yaml").read_text(encoding="utf-8"))["services"]
    assert set(services) == {"page", "database", "proxy"}
    assert [name for name, service in services.items() if "ports" in service] == ["proxy"]
    page = services["page"]
    assert page["environment"]["MAGIC_DEMO_STORE"].startswith("postgresql://reviews:${DATABASE_PASSWORD:?")
    assert page["read_only"] and page["cap_drop"] == ["ALL"]
    assert {place.split(":")[1] for place in page["volumes"]} == {"/data", "/cache"}
    proxy = (REPOSITORY / "deploy" / "nginx.conf").read_text(encoding="utf-8")
    path = page["environment"]["GRADIO_ROOT_PATH"]
    assert (
        f"location {path}/ {{" in proxy
        and "proxy_pass http://page:7860/;" in proxy
        and "listen 443 ssl" in proxy
    )
    largest = int(re.findall(r"client_max_body_size (\d+)m", proxy)[0])
    assert largest * 2**20 >= Limits().arrival_bytes
    assert str(largest) in (REPOSITORY / "docs" / "containers.md").read_text(encoding="utf-8")
    for header in ("Host $http_host", "X-Forwarded-Proto https"):
        assert f"proxy_set_header {header};" in proxy


@dataclass
class Image:
    """Where the steps put what an image would hold: a folder in place of ``/``."""

    root: Path
    variables: dict[str, str] = field(default_factory=dict)
    folder: str = "/"

    def place(self, text: str) -> str:
        """Return a text with the image's folders as those below the root."""
        return re.sub(r"(?<![\w./-])/(app|opt|data|cache)\b", rf"{self.root}/\1", text)

    def carry_out(self, name: str, words: str) -> None:
        """Carry out one instruction; those that only describe the image do nothing."""
        if name in ("ARG", "ENV"):
            for pair in words.split():
                key, _, value = pair.partition("=")
                self.variables[key] = os.path.expandvars(self.place(value))
        elif name == "WORKDIR":
            self.folder = self.place(words)
            Path(self.folder).mkdir(parents=True, exist_ok=True)
        elif name == "COPY" and "--from" not in words:
            *sources, target = words.split()
            self._copy(sources, target)
        elif name == "RUN":
            subprocess.run(
                ["sh", "-ec", self.place(words)], cwd=self.folder, env=self.environment(), check=True
            )

    def environment(self) -> dict[str, str]:
        """Return the environment of what runs in the image, with stand-ins of the programs that add users."""
        path = f"{self.root}/stand-ins:{self.variables.get('PATH', os.environ['PATH'])}"
        return {**os.environ, **self.variables, "PATH": path}

    def _copy(self, sources: list[str], target: str) -> None:
        into = Path(self.place(target)) if target.startswith("/") else Path(self.folder, target)
        for pattern in sources:
            for source in sorted(REPOSITORY.glob(pattern)):
                if source.is_dir():
                    shutil.copytree(
                        source, into, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__")
                    )
                else:
                    into.mkdir(parents=True, exist_ok=True)
                    shutil.copy(source, into)


def test_what_is_copied_before_the_packages_are_installed_is_enough_to_install_them(tmp_path: Path) -> None:
    image = Image(tmp_path / "image")
    for name, words in read_steps():
        if name == "RUN":
            break
        image.carry_out(name, words)
    command = [sys.executable, "-m", "magic_demo", "setup", "--torch", "cpu", "--dry-run"]
    said = subprocess.run(command, cwd=image.folder, capture_output=True, text=True, check=False)
    assert said.returncode == 0 and "MB" in said.stdout, said.stderr


@pytest.mark.long
def test_the_steps_carried_out_give_a_page_that_its_health_check_finds_well(tmp_path: Path) -> None:
    image = Image(tmp_path / "image")
    stand_ins = image.root / "stand-ins"
    stand_ins.mkdir(parents=True)
    for name, does in (
        ("useradd", ":"),
        ("install", f"mkdir -p {image.root}/data {image.root}/cache"),
        ("python", f'exec {sys.executable} "$@"'),
    ):
        (stand_ins / name).write_text(f"#!/bin/sh\n{does}\n", encoding="utf-8")
        (stand_ins / name).chmod(0o755)
    steps = read_steps()
    for step in steps:
        image.carry_out(*step)
    (stand_ins / "python").unlink()  # from here on it is that of the packages
    packages = list((image.root / "opt" / "magic-demo").rglob("site-packages/*"))
    assert {"torch", "gradio", "pg8000"} <= {path.name for path in packages}
    assert not [path for path in packages if path.name.startswith("nvidia")]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    said = dict(steps)
    # as a Space: everybody may come, nothing is kept; else a reader would need a password first
    environment = {**image.environment(), "SPACE_ID": "a/b", "HF_HUB_OFFLINE": "1"}
    command = [image.place(word) for word in json.loads(said["CMD"])] + ["--port", port]
    check = [word.replace("7860", port) for word in json.loads(said["HEALTHCHECK"].partition("CMD ")[2])]
    with (tmp_path / "log.txt").open("w", encoding="utf-8") as log:
        page = subprocess.Popen(command, cwd=image.folder, env=environment, stdout=log, stderr=log)
        try:
            well = False
            while not well and page.poll() is None:
                checked = subprocess.run(check, env=environment, capture_output=True, check=False)
                well = checked.returncode == 0
            assert well, (tmp_path / "log.txt").read_text(encoding="utf-8")
        finally:
            page.terminate()
            page.wait()
    assert "everybody who opens this Space" in (tmp_path / "log.txt").read_text(encoding="utf-8")
