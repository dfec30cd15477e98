"""Photos that lie elsewhere: the same files as from a folder here, what breaks off costs its encounter alone, and
nothing is asked of an address that the user did not name."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from magic_demo import read_encounters
from magic_demo.challenge.running.engines import Processes
from magic_demo.challenge.running.shards import Shard
from magic_demo.core.errors import FormatError
from magic_demo.core.types import RemoteFile
from magic_demo.files.photos.bounds import PhotoLimits, read_photo_file
from magic_demo.files.remote import files as remote_files
from magic_demo.files.remote.addresses import Address, read_place
from magic_demo.files.remote.encounters import read_encounters_at
from magic_demo.files.remote.files import list_files, read_remote
from tests.support.batch_runs import StopsAt, predict, read_files, write_data
from tests.support.stand_ins import stand_in_predictor
from tests.support.web_folder import WebFolder, serve_folder

SECOND = "IMG_ENC00002_00001.png"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a folder in the challenge's layout."""
    return write_data(tmp_path / "data")


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """Serve the test's folder; give its address."""
    with serve_folder(tmp_path) as address:
        yield address


@pytest.fixture
def memory(data: Path) -> Iterator[str]:
    """Put the same data into fsspec's memory; give their address."""
    system = fsspec.filesystem("memory")
    system.put(str(data), "/clinic/data", recursive=True)
    yield "memory://clinic/data"
    system.rm("/clinic", recursive=True)


def test_data_in_memory_give_the_files_that_a_folder_gives(data: Path, memory: str, tmp_path: Path) -> None:
    predict(data, tmp_path / "here", bundle=True, pictures=True)
    report = predict(read_place(memory), tmp_path / "there", bundle=True, pictures=True)
    assert report.problems == () and read_files(tmp_path / "there") == read_files(tmp_path / "here")


def test_shards_read_the_photos_where_they_are(data: Path, web: str, tmp_path: Path) -> None:
    predict(data, tmp_path / "here")
    there = read_place(f"{web}/data")
    for number in (1, 2):
        predict(there, tmp_path / "parts", shard=Shard(number, 2))
    predict(there, tmp_path / "parts", merge=True)
    assert read_files(tmp_path / "parts") == read_files(tmp_path / "here")


@pytest.mark.long
def test_worker_processes_read_the_photos_where_they_are(data: Path, web: str, tmp_path: Path) -> None:
    predict(data, tmp_path / "here")
    report = predict(read_place(f"{web}/data"), tmp_path / "there", engine=Processes(2, stand_in_predictor))
    assert report.problems == () and read_files(tmp_path / "there") == read_files(tmp_path / "here")


def test_a_list_here_may_have_its_photos_elsewhere(data: Path, web: str, tmp_path: Path) -> None:
    predict(data, tmp_path / "here")
    shutil.move(data / "valid" / "images_valid", tmp_path / "photos")
    predict(data, tmp_path / "there", photos=read_place(f"{web}/photos/"))
    assert read_files(tmp_path / "there") == read_files(tmp_path / "here")


def test_the_list_itself_may_be_named_and_a_plain_folder_of_photos(memory: str, web: str) -> None:
    found = read_encounters_at(read_place(f"{memory}/valid/valid.json"))
    assert [len(one.photo_files) for one in found.encounters] == [1, 1, 1]
    plain = read_encounters_at(read_place(f"{web}/data/valid/images_valid"))
    assert plain.plain and [one.encounter_id for one in plain.encounters][1] == SECOND.removesuffix(".png")


def test_the_library_reads_encounters_from_an_address(data: Path, web: str) -> None:
    here, there = list(read_encounters(data, "valid")), list(read_encounters(f"{web}/data", "valid"))
    assert [one.narrative for one in here] == [one.narrative for one in there]
    assert all((a.photos[0].pixels == b.photos[0].pixels).all() for a, b in zip(here, there, strict=True))


def test_a_connection_that_breaks_off_costs_its_encounter_which_the_same_command_tries_again(
    data: Path, web: str, tmp_path: Path
) -> None:
    WebFolder.breaks.add(SECOND)
    report = predict(read_place(f"{web}/data"), tmp_path / "there")
    (problem,) = report.problems
    assert problem.startswith("ENC00002: ") and SECOND in problem and "same command again" in problem
    assert len(problem.splitlines()) == 1 and report.done_now == 3
    WebFolder.breaks.clear()
    again = predict(read_place(f"{web}/data"), tmp_path / "there")
    assert (again.problems, again.done_now) == ((), 1)
    predict(data, tmp_path / "here")
    assert read_files(tmp_path / "there") == read_files(tmp_path / "here")


@pytest.mark.parametrize("where", ["memory", "web"])
def test_a_photo_that_was_changed_is_predicted_again(
    data: Path, where: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    address = request.getfixturevalue(where)
    place = read_place(address if where == "memory" else f"{address}/data")
    predict(place, tmp_path / "out")
    assert predict(place, tmp_path / "out").done_now == 0
    content = (data / "valid" / "images_valid" / "IMG_ENC00001_00001.png").read_bytes()
    if where == "memory":
        fsspec.filesystem("memory").pipe(f"/clinic/data/valid/images_valid/{SECOND}", content)
    else:
        (data / "valid" / "images_valid" / SECOND).write_bytes(content)
    again = StopsAt(None)
    predict(place, tmp_path / "out", predictor=again)
    assert again.asked == ["ENC00002"]


def test_no_address_in_the_data_is_ever_asked_for(data: Path, web: str, tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    shutil.copy(data / "valid" / "images_valid" / SECOND, tmp_path / "secret" / "inner.png")
    entries = json.loads((data / "valid" / "valid.json").read_text(encoding="utf-8"))
    for entry, name in zip(
        entries,
        (f"{web}/secret/inner.png", "../secret/inner.png", "%2e%2e%2fsecret%2finner.png"),
        strict=True,
    ):
        entry["image_ids"] = [name]
    (data / "valid" / "valid.json").write_text(json.dumps(entries), encoding="utf-8")
    (data / "index.html").write_text(
        f'<a href="valid/">valid</a> <a href="{web}/secret/">s</a> <a href="../secret/inner.png">i</a> '
        '<a href="/secret/inner.png">i</a> <a href="//127.0.0.2/x.png">x</a> <a href="http://[">b</a> '
        '<a href="elsewhere.png">e</a> <a href=".hidden.png">h</a> <a href="valid/..%2f..%2fsecret">q</a>',
        encoding="utf-8",
    )
    listed = {file.name for file in list_files(Address(f"{web}/data"))}
    assert listed == {
        "elsewhere.png",
        "valid/valid.json",
        *(f"valid/images_valid/{n}" for n in (f"IMG_ENC0000{number}_00001.png" for number in (1, 2, 3))),
    }
    report = predict(read_place(f"{web}/data"), tmp_path / "out")
    assert report.masks == 0 and len(report.problems) == 3
    redirected = read_encounters_at(read_place(f"{web}/data"), "valid", read_place(f"{web}/data"))
    assert redirected.encounters[0:2] == () or all(
        not one.photo_files[0].place for one in redirected.encounters
    )
    with pytest.raises(OSError) as caught:
        read_remote(RemoteFile(f"{web}/data/elsewhere.png", "elsewhere.png", None, ""), 100)
    assert "not followed" in str(caught.value.strerror)
    assert not [path for path in WebFolder.asked if "secret" in path]


def test_a_photo_that_is_too_large_is_refused_before_it_is_read(web: str, data: Path) -> None:
    (known,) = (file for file in list_files(Address(f"{web}/data")) if file.name.endswith(SECOND))
    WebFolder.asked.clear()
    with pytest.raises(Exception, match=f"{SECOND}.*limit"):
        read_photo_file(known, PhotoLimits(max_bytes=10))
    assert WebFolder.asked == []
    with pytest.raises(Exception, match=f"{SECOND}.*limit"):
        read_photo_file(RemoteFile(known.url, known.name, None, ""), PhotoLimits(max_bytes=10))


def test_what_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch, memory: str) -> None:
    stuck = threading.Event()
    (first, *_) = list_files(Address(memory))
    system = remote_files.open_files("memory")
    monkeypatch.setattr(remote_files, "READ_SECONDS", 0.05)
    monkeypatch.setattr(system._system, "open", lambda *_: stuck.wait(20))  # type: ignore[attr-defined]
    with pytest.raises(TimeoutError) as caught:
        read_remote(first, 10**6)
    stuck.set()
    assert "no answer within" in str(caught.value.strerror)


@pytest.mark.parametrize(
    "text",
    [
        "s3://key:secret@bucket/data",
        "https://host/data?token=secret",
        "simplecache::s3://bucket",
        "s3:/bucket",
        "s3://",
    ],
)
def test_an_address_that_hides_more_than_a_folder_is_refused_and_its_secret_not_said(text: str) -> None:
    with pytest.raises(FormatError) as caught:
        read_place(text)
    assert "secret" not in str(caught.value) and len(str(caught.value).splitlines()) == 1


def test_a_system_whose_package_is_missing_is_one_line_that_names_it() -> None:
    with pytest.raises(FormatError, match="pip install"):
        list_files(Address("nosuchsystem://bucket/data"))


@pytest.mark.parametrize("address", ["memory://nobody/there", "http://127.0.0.1:9/data"])
def test_an_address_where_nothing_is_is_one_line(address: str) -> None:
    with pytest.raises(FormatError) as caught:
        read_encounters_at(read_place(address), "valid")
    assert address in str(caught.value) and len(str(caught.value).splitlines()) == 1


def test_paths_stay_paths() -> None:
    assert read_place("data/valid") == Path("data/valid") and read_place("C:/data") == Path("C:/data")
    assert read_place("file:///data/valid") == Path("/data/valid")
