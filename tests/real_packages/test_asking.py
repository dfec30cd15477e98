"""The API is as it describes itself, and its tools speak with MCP's own client: ``make interop``."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from magic_demo.page.server.gate import programs
from tests.api.doors import listening, open_doors
from tests.support.store.reviewed_cases import QUEUE

pytestmark = pytest.mark.real_packages
ASK = Path(__file__).with_name("ask_tools.py")
SCHEMATHESIS = """
import sys
from schemathesis.cli import schemathesis
sys.argv[0] = "schemathesis"
schemathesis()
"""


def test_schemathesis_finds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for limit in ("ASKED_AT_ONCE", "WRONG_AT_ONCE"):
        monkeypatch.setattr(programs, limit, (100_000, 1000))
    with open_doors(tmp_path, tools=True) as doors, listening(doors) as address:
        description = f"{address}{programs.API}/openapi.json"
        options = [
            "--header",
            f"Authorization: Bearer {doors.tokens['Wang']}",
            "--max-examples",
            "50",
            "--seed",
            "1",
        ]
        said = subprocess.run(
            [
                os.environ["REAL_PACKAGES"],
                "-c",
                SCHEMATHESIS,
                "run",
                description,
                *options,
                "--continue-on-failure",
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
    assert said.returncode == 0, said.stdout[-10_000:] + said.stderr[-2000:]
    assert "12 selected / 12 total" in said.stdout


def test_mcps_own_client_uses_the_tools(tmp_path: Path) -> None:
    with open_doors(tmp_path, tools=True) as doors, listening(doors) as address:
        said = subprocess.run(
            [os.environ["REAL_PACKAGES"], str(ASK), f"{address}{programs.API}/mcp", doors.tokens["Bo"]],
            check=True,
            capture_output=True,
            text=True,
        )
    told = json.loads(said.stdout.splitlines()[-1])
    assert told["queues"] == {"queues": [QUEUE, "others"], "role": "reader"}
    assert told["refused"] is True and "predict" in told["tools"]
