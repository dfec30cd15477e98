"""Checkpoints go to the Hub with cards that it takes, the page goes there as a Space; tried against a stand-in."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from magic_demo.__main__ import main
from magic_demo.commands.push_to_hub import list_space_files
from tests.support.hub import OID, TOKEN, Hub, open_hub

REPOSITORY = Path(__file__).resolve().parents[2]
SHIPPED = REPOSITORY / "checkpoints"


@pytest.fixture
def hub() -> Iterator[Hub]:
    with open_hub() as opened:
        yield opened


def _push(hub: Hub, *words: str, token: str = TOKEN) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "HF_ENDPOINT": hub.address,
        "HF_TOKEN": token,
        "HF_HUB_OFFLINE": "0",
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "NO_PROXY": "127.0.0.1",
    }
    return subprocess.run(
        [sys.executable, "-m", "magic_demo", "push-to-hub", *words],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_checkpoint_arrives_whole_with_a_card_that_the_hub_checked(hub: Hub) -> None:
    folder = SHIPPED / "photo-answerer"
    ran = _push(hub, "ann/photo-answerer", "--checkpoint", str(folder), "--private")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines()[-1] == f"{hub.address}/ann/photo-answerer/commit/{OID}"
    files = hub.repos["models/ann/photo-answerer"]
    assert set(files) == {path.name for path in folder.iterdir()}
    assert files["model.safetensors"] == (folder / "model.safetensors").read_bytes()
    assert {kind for kind, _ in hub.cards} == {"model"}
    for card in (files["README.md"].decode(), *(checked for _, checked in hub.cards)):
        assert "\nbase_model: ann/segmentation-compact\n" in card
    assert hub.made[0]["visibility"] == "private"


def test_a_token_that_may_not_write_is_said_in_one_line(hub: Hub) -> None:
    ran = _push(hub, "ann/cue-model", "--checkpoint", str(SHIPPED / "cue-model"), token="hf_other")
    assert ran.returncode == 1 and ran.stderr.startswith("error: ann/cue-model: the Hub did not take it")
    assert len(ran.stderr.splitlines()) == 1 and hub.repos == {}


@pytest.mark.parametrize("name", ["cue-model", "photo-answerer", "segmentation-compact"])
def test_the_stand_in_takes_every_shipped_card(name: str, hub: Hub) -> None:
    assert hub.check_card((SHIPPED / name / "README.md").read_text(encoding="utf-8")) is None


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("license: apache-2.0\n", "", "lacks license"),
        (
            "license: apache-2.0\n",
            "license: other\nlicense_name: not-chosen\n",
            "a licence that somebody chose",
        ),
        ("Research use only", "For everybody", "the words 'Research use only'"),
        ("license: apache-2.0\n", "license: [\n", "no card that can be read"),
    ],
)
def test_a_card_that_lacks_something_goes_nowhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], before: str, after: str, said: str
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(SHIPPED / "cue-model", folder)
    card = folder / "README.md"
    card.write_text(card.read_text(encoding="utf-8").replace(before, after), encoding="utf-8")
    assert main(["push-to-hub", "ann/model", "--checkpoint", str(folder), "--dry-run"]) == 1
    assert said in capsys.readouterr().err
    card.unlink()
    assert main(["push-to-hub", "ann/model", "--checkpoint", str(folder), "--dry-run"]) == 1
    assert "a card README.md is expected" in capsys.readouterr().err


def test_a_space_has_all_that_its_dockerfile_copies_and_a_front_page_of_its_own() -> None:
    files = list_space_files()
    copied = [
        source
        for line in (REPOSITORY / "Dockerfile").read_text(encoding="utf-8").splitlines()
        if line.startswith("COPY ") and "--from" not in line
        for source in line.split()[1:-1]
    ]
    for source in copied:
        pattern = source.rstrip("/")
        assert any(Path(name).match(pattern) or name.startswith(f"{pattern}/") for name in files), source
    assert not any("__pycache__" in name or name.startswith(("tests/", ".git")) for name in files)
    card = files["README.md"]
    assert isinstance(card, bytes) and card == (REPOSITORY / "space" / "README.md").read_bytes()
    front = yaml.safe_load(card.decode().split("---\n")[1])
    exposed = [
        line
        for line in (REPOSITORY / "Dockerfile").read_text(encoding="utf-8").splitlines()
        if "EXPOSE" in line
    ]
    assert front["sdk"] == "docker" and exposed == [f"EXPOSE {front['app_port']}"]
    assert len(front["short_description"]) <= 60 and front["license"] == "apache-2.0"
    colours = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
    assert {front["colorFrom"], front["colorTo"]} <= colours
