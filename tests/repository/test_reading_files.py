"""No command waits for a pipe or reads a device without end; no module opens a user's file but by
``user_files``."""

from __future__ import annotations

import ast
import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from magic_demo.__main__ import main
from magic_demo.challenge.run_folder import JOURNAL, MANIFEST
from magic_demo.challenge.running.journal import Journal
from magic_demo.core.errors import MagicDemoError
from magic_demo.files.masks.decoding import MASK_KINDS
from magic_demo.files.photos.kinds import PHOTO_KINDS
from tests.core.disk.test_user_files import _folder, _pipe, _zero
from training.__main__ import main as train

REPOSITORY = Path(__file__).resolve().parents[2]
READS = {"read_text", "read_bytes", "imread", "ZipFile", "TiffFile", "load_file", "safe_open"}
OWN = {
    "magic_demo/synthetic/frequencies.py": "a table of the package",
    "magic_demo/core/disk/user_files.py": "is the one place",
    "magic_demo/core/disk/parts.py": "its own locks and parts, without waiting",
    "magic_demo/core/disk/whole_files.py": "a part that it writes",
    "magic_demo/files/checkpoint_files.py": "headers of weights that check_files has looked at",
    "magic_demo/files/masks/decoding.py": "from open_user_file's handle",
    "magic_demo/reviews/backups.py": "from open_user_file's handle, and what it writes itself",
    "magic_demo/files/photos/formats/tiff.py": "bytes in memory",
    "magic_demo/reviews/store/engine/sqlite_files.py": "the store's own database",
    "magic_demo/files/photos/processes/worker.py": "/proc",
    "magic_demo/files/photos/processes/workers.py": "/proc",
    "magic_demo/challenge/running/watching.py": "/proc",
    "magic_demo/models/backends/backend.py": "/sys",
    "magic_demo/page/gradio_internals/template.py": "Gradio's own template",
    "magic_demo/page/server/downloads/take_away.py": "an archive that it writes",
    "magic_demo/page/session/inference/learner.py": "the log of a process that it started",
    "training/runs/average_checkpoints.py": "weights that check_files has looked at",
    "training/runs/averaging.py": "weights that the run itself wrote",
    "magic_demo/challenge/submitting/submission.py": "an archive that it writes",
    "magic_demo/challenge/submitting/submission_check.py": "from open_user_file's handle",
    "magic_demo/commands/setup.py": "the checkout's lock files, before anything is installed",
    "magic_demo/challenge/running/journal.py": "the journal, appended to once it was read",
}


def _bare_reads(path: Path) -> Iterator[str]:
    """Yield calls that read a file by its path; what is packed with the program (``resources.files``) is none
    of a user's."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = (
            node.func.attr
            if isinstance(node.func, ast.Attribute)
            else node.func.id
            if isinstance(node.func, ast.Name)
            else ""
        )
        opens = name == "open" and (
            isinstance(node.func, ast.Name) or (node.args and isinstance(node.args[0], ast.Constant))
        )
        if name in READS or opens:
            said = ast.unparse(node)
            if "resources" not in said and ".joinpath(" not in said and "features.read_text" not in said:
                yield said


def test_pillow_is_told_everywhere_which_kinds_a_file_may_be() -> None:
    """Its other readers, which it would ask by themselves, start programs (EPS) or are hardly ever used."""
    assert set(PHOTO_KINDS) | set(MASK_KINDS) == {"JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF", "HEIF"}
    found = 0
    for path in (REPOSITORY / "magic_demo").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "Image.open":
                assert "formats" in {keyword.arg for keyword in node.keywords}, (
                    f"{path.name}: {ast.unparse(node)}"
                )
                found += 1
    assert found >= 3


def test_user_files_are_opened_in_one_place() -> None:
    found = {
        str(path.relative_to(REPOSITORY)): reads
        for folder in ("magic_demo", "training")
        for path in sorted((REPOSITORY / folder).rglob("*.py"))
        if (reads := list(_bare_reads(path)))
    }
    bare = {path: reads for path, reads in found.items() if path not in OWN}
    assert bare == {}, (
        "read a user's file by magic_demo/core/disk/user_files.py; what is the program's own is listed in OWN, "
        "with the reason"
    )
    assert set(OWN) - {"magic_demo/core/disk/parts.py"} <= set(found), (
        "what is no longer there needs no exception"
    )


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    """End a test that waits for a pipe, which nothing else would."""

    def end(*_: object) -> None:
        raise TimeoutError("waited for a pipe, or read a device without end")

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(30)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


COMMANDS: dict[str, Callable[[Path, Path], list[str]]] = {
    "score": lambda odd, place: ["score", "--answers-reference", str(odd), "--answers-system", str(odd)],
    "questions": lambda odd, place: [
        "score",
        "--answers-reference",
        str(odd),
        "--answers-system",
        str(odd),
        "--questions",
        str(odd),
    ],
    "predict": lambda odd, place: [
        "predict",
        str(place / "data"),
        "--out",
        str(place / "out"),
        "--questions",
        str(odd),
    ],
    "restore": lambda odd, place: ["restore", str(odd), "--store", str(place / "store")],
    "import-reviews": lambda odd, place: ["import-reviews", str(odd), "--store", str(place / "store")],
    "readers": lambda odd, place: [
        "readers",
        "--store",
        str(place / "store"),
        "add",
        "ann",
        "--password-file",
        str(odd),
    ],
}


@pytest.mark.parametrize("make", [_pipe, _zero, _folder])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_says_in_one_line_what_is_no_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, make: Callable[[Path], None]
) -> None:
    (tmp_path / "data").mkdir()
    make(tmp_path / "odd")
    code = main(COMMANDS[command](tmp_path / "odd", tmp_path))
    said = capsys.readouterr().err
    assert code != 0 and "Traceback" not in said and said.strip(), said
    assert "odd" in said


@pytest.mark.parametrize("make", [_pipe, _zero, _folder])
@pytest.mark.parametrize("command", ["segmentation", "text-photo-answerer", "cue-model", "photo-answerer"])
def test_training_says_in_one_line_what_is_no_settings_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, make: Callable[[Path], None]
) -> None:
    make(tmp_path / "odd.yaml")
    assert train([command, "--config", str(tmp_path / "odd.yaml")]) == 1
    said = capsys.readouterr().err
    assert "odd.yaml" in said and len(said.strip().splitlines()) == 1


@pytest.mark.parametrize("make", [_pipe, _zero, _folder])
def test_a_journal_that_is_no_file_is_said_before_it_is_appended_to(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    make(tmp_path / JOURNAL)
    with pytest.raises(MagicDemoError, match=JOURNAL):
        Journal(tmp_path / JOURNAL, tmp_path)


def test_a_file_that_grows_without_end_is_read_up_to_its_limit(tmp_path: Path) -> None:
    path = tmp_path / MANIFEST
    path.write_text(json.dumps({}), encoding="utf-8")
    os.truncate(path, 2**40)  # as large as it says, and nearly all of it a hole
    (tmp_path / JOURNAL).symlink_to(path)
    with pytest.raises(MagicDemoError, match="limit"):
        Journal(tmp_path / JOURNAL, tmp_path)
