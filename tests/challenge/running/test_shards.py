"""Parts of a run that were done apart make the files of the whole run."""

from __future__ import annotations

import json
from pathlib import Path
from shutil import rmtree

import numpy as np
import pytest
from numpy.typing import NDArray

from magic_demo.challenge.running.shards import Shard
from magic_demo.core.disk.parts import alone_at
from magic_demo.core.errors import FormatError, ModelError
from magic_demo.core.types import Pixels
from magic_demo.models.predictor import Predictor
from tests.support.batch_runs import IDS, StopsAt, predict, read_files, write_data
from tests.support.stand_ins import RedFinder, WordScorer, stand_in_predictor


class _FailsOnTheSecond(RedFinder):
    """Finds no memory for the second encounter's photo, say."""

    def look(self, pixels: Pixels) -> tuple[NDArray[np.float32]]:
        """Look at any other photo. Raises ModelError."""
        if pixels.shape[0] == 56:
            raise ModelError("out of memory")
        return super().look(pixels)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a folder in the challenge's layout; its third encounter has the first one's photo too."""
    folder = write_data(tmp_path / "data")
    file = folder / "valid" / "valid.json"
    entries = json.loads(file.read_text(encoding="utf-8"))
    entries[2]["image_ids"] += entries[0]["image_ids"]
    file.write_text(json.dumps(entries), encoding="utf-8")
    return folder


def test_shards_that_are_merged_are_the_run_of_one_process(data: Path, tmp_path: Path) -> None:
    options = {"pictures": True, "bundle": True}
    whole = predict(data, tmp_path / "whole", **options)
    reports = [predict(data, tmp_path / "out", shard=Shard(number, 2), **options) for number in (1, 2)]
    assert [report.encounters for report in reports] == [2, 1]
    assert reports[1].files.encounters == (IDS[1],)
    assert reports[1].files.photos == (f"IMG_{IDS[1]}_00001",)
    merged = predict(data, tmp_path / "out", merge=True, **options)
    assert merged.done_now == 1, "the one with a problem is tried again, as in any run that goes on"
    assert (merged.encounters, merged.masks, merged.problems) == (3, 3, whole.problems)
    assert merged.files == whole.files
    assert read_files(tmp_path / "out") == read_files(tmp_path / "whole")


def test_a_merge_that_was_stopped_goes_on(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predict(data, tmp_path / "whole")
    for number in (1, 2):
        predict(data, tmp_path / "out", shard=Shard(number, 2))

    def stop(folder: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("magic_demo.challenge.running.shards.shutil.rmtree", stop)
        predict(data, tmp_path / "out", merge=True)
    assert (tmp_path / "out" / "shard-1-of-2").is_dir()
    assert predict(data, tmp_path / "out", merge=True).done_now == 1
    assert not list((tmp_path / "out").glob("shard-*"))
    assert read_files(tmp_path / "out") == read_files(tmp_path / "whole")


@pytest.mark.parametrize("removed", [0.5, 1, 1.5, 2])
def test_a_merge_that_was_stopped_while_it_cleared_up_or_later_goes_on(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, removed: float
) -> None:
    """removed: how many shards' folders are gone then; of a half, the manifest alone is."""
    predict(data, tmp_path / "whole")
    out = tmp_path / "out"
    for number in (1, 2):
        predict(data, out, shard=Shard(number, 2))
    cleared: list[Path] = []

    def stop(folder: Path) -> None:
        if len(cleared) + 1 > removed:
            if removed % 1:
                (folder / "manifest.json").unlink()
            raise KeyboardInterrupt
        cleared.append(folder)
        rmtree(folder)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("magic_demo.challenge.running.shards.shutil.rmtree", stop)
        predict(data, out, merge=True, predictor=StopsAt(IDS[2]))  # which has a problem, and is tried again
    assert len(list(out.glob("shard-*"))) == 2 - len(cleared)
    assert predict(data, out, merge=True).done_now == 1
    assert not list(out.glob("shard-*"))
    assert read_files(out) == read_files(tmp_path / "whole")
    with pytest.raises(FormatError, match="there are none"):
        predict(data, out, merge=True)


def test_a_shard_that_is_done_anew_after_a_stopped_merge_is_no_leftover(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    for number in (1, 2):
        predict(data, out, shard=Shard(number, 2))

    def stop(folder: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("magic_demo.challenge.running.shards.shutil.rmtree", stop)
        predict(data, out, merge=True)
    manifest = out / "shard-2-of-2" / "manifest.json"
    kept = json.loads(manifest.read_text(encoding="utf-8"))
    manifest.write_text(json.dumps({**kept, "finished": None}), encoding="utf-8")
    with pytest.raises(FormatError, match="shards 1/2, 2/2 are missing or not finished"):
        predict(data, out, merge=True)
    assert manifest.is_file(), "what is under way is no leftover"


def test_files_of_a_shard_come_with_its_entries_where_the_run_had_others(data: Path, tmp_path: Path) -> None:
    """A run that is whole, and its parts done once more while a model fails on one photo."""
    out, mask = tmp_path / "out", f"masks_preds/IMG_{IDS[1]}_00001_mask_sys.tiff"
    predict(data, out)
    before = (out / mask).read_bytes()
    for number in (1, 2):
        predict(data, out, shard=Shard(number, 2), predictor=Predictor(_FailsOnTheSecond(), WordScorer()))
    assert (out / "shard-2-of-2" / mask).read_bytes() != before
    merged = predict(data, out, merge=True)
    assert merged.done_now == 2, "the one of a shared photo, and the one whose empty mask came from the shard"
    assert (out / mask).read_bytes() == before


def test_shards_of_two_numbers_are_not_mixed(data: Path, tmp_path: Path) -> None:
    for shard in (Shard(1, 2), Shard(2, 2), Shard(1, 3)):
        predict(data, tmp_path / "out", shard=shard)
    with pytest.raises(FormatError, match=r"shards of one number are expected.*shard-1-of-3"):
        predict(data, tmp_path / "out", merge=True)


def test_shards_that_are_missing_unfinished_at_work_or_of_another_run_are_named(
    data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with pytest.raises(FormatError, match="there are none"):
        predict(data, out, merge=True)
    predict(data, out, shard=Shard(1, 3))
    predict(data, out, shard=Shard(2, 3))
    with pytest.raises(FormatError, match="shards 3/3 are missing"):
        predict(data, out, merge=True)
    predict(data, out, shard=Shard(3, 3))
    manifest = out / "shard-2-of-3" / "manifest.json"
    kept = manifest.read_text(encoding="utf-8")
    manifest.write_text(json.dumps({**json.loads(kept), "finished": None}), encoding="utf-8")
    with pytest.raises(FormatError, match="shards 2/3 are missing or not finished"):
        predict(data, out, merge=True)
    manifest.write_text(kept, encoding="utf-8")
    with pytest.raises(FormatError, match="shard-1-of-3: was run with another models"):
        predict(data, tmp_path / "out", merge=True, restart=True, predictor=stand_in_predictor(cvqa=False))
    with alone_at(out / "shard-1-of-3"), pytest.raises(FormatError, match="still at work"):
        predict(data, out, merge=True, restart=True)
    with pytest.raises(FormatError, match="another shard"):
        predict(data, out / "shard-1-of-3")


@pytest.mark.parametrize("text", ["0/3", "4/3", "3", "1/0", "a/b", "1/3/3", "-1/3", ""])
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(FormatError, match="such as 3/8"):
        Shard.parse(text)
    assert str(Shard.parse("3/8")) == "3/8"
