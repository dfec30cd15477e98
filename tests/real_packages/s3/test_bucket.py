"""Data and photos in buckets, read by the real s3fs from moto's server: ``make interop``, in an environment that has
both. moto keeps objects in memory and answers as S3 does, its refusals too."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from magic_demo.__main__ import main
from magic_demo.challenge.running.engines import Processes
from magic_demo.core.errors import FormatError
from magic_demo.files.remote import files as remote_files
from magic_demo.files.remote.addresses import read_place
from magic_demo.files.remote.encounters import read_encounters_at
from tests.support.batch_runs import IDS, predict, read_files, write_data
from tests.support.stand_ins import stand_in_predictor

pytestmark = pytest.mark.real_packages
KEY, SECRET = "AKIAMAGICDEMOKEY0001", "s3cr3t/that+nobody/reads"
DATA, PHOTOS = "s3://clinic/data", "s3://pictures/all"
FIRST, SECOND, THIRD = (f"IMG_{one}_00001.png" for one in IDS)


class Bucket:
    """moto's own application, in front of which answers break off. client: boto3's. breaks: photos of which half comes.
    removes: photo that is asked for -> another, which is removed just before."""

    def __init__(self) -> None:
        self.client: Any = None
        self.breaks: set[str] = set()
        self.removes: dict[str, str] = {}
        self.asked: list[str] = []
        from moto.server import DomainDispatcherApplication, create_backend_app

        self._application = DomainDispatcherApplication(create_backend_app)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer as moto does; of what breaks off the length is that of the whole."""
        name = environ["PATH_INFO"].rpartition("/")[2]
        reads = environ["REQUEST_METHOD"] == "GET" and name.endswith(".png")
        if reads:
            self.asked.append(name)
            if gone := self.removes.get(name):
                self.client.delete_object(Bucket="pictures", Key=f"all/{gone}")
        answer = b"".join(self._application(environ, start_response))
        return [answer[: len(answer) // 2] if reads and name in self.breaks else answer]


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """Serve two buckets: the list and its photos in one, the photos alone in the other."""
    import boto3
    from werkzeug.serving import make_server

    bucket = Bucket()
    server = make_server("127.0.0.1", 0, bucket, threaded=True)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    bucket.client = boto3.client("s3")
    _forget_connections()
    for name in ("clinic", "pictures"):
        bucket.client.create_bucket(Bucket=name)
    data = write_data(tmp_path / "data")
    for path in data.rglob("*.*"):
        name = str(path.relative_to(data))
        bucket.client.upload_file(str(path), "clinic", f"data/{name}")
        if path.suffix == ".png":
            bucket.client.upload_file(str(path), "pictures", f"all/{path.name}")
    yield bucket
    _ask(bucket, "/moto-api/reset-auth", b"inf")
    _ask(bucket, "/moto-api/reset")
    server.shutdown()
    server.server_close()
    thread.join()
    _forget_connections()


def _forget_connections() -> None:
    """Let the next address be read with the environment of its own test: a process keeps one connection a scheme."""
    remote_files.open_files.cache_clear()
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()


def _ask(bucket: Bucket, path: str, body: bytes = b"") -> None:
    from werkzeug.test import Client

    assert Client(bucket).post(path, data=body).status_code == 200


def _check_nothing_tells_the_keys(printed: str, out: Path) -> None:
    written = b"".join(path.read_bytes() for path in out.rglob("*") if path.is_file()).decode("latin-1")
    for secret in (KEY, SECRET):
        assert secret not in printed and secret not in written


def test_the_command_reads_a_list_and_photos_of_two_buckets_as_from_a_folder(
    bucket: Bucket, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    words = ["--split", "valid", "--quiet", "--bundle", "--out"]
    assert main(["predict", str(tmp_path / "data"), *words, str(tmp_path / "here")]) == 0
    assert main(["predict", DATA, "--photos", PHOTOS, *words, str(tmp_path / "there")]) == 0
    assert sorted(bucket.asked) == [FIRST, SECOND, THIRD], "each photo is asked for once"
    assert read_files(tmp_path / "there") == read_files(tmp_path / "here")
    _check_nothing_tells_the_keys("".join(capfd.readouterr()), tmp_path / "there")


def test_worker_processes_read_with_the_keys_of_the_environment(bucket: Bucket, tmp_path: Path) -> None:
    predict(tmp_path / "data", tmp_path / "here")
    report = predict(read_place(DATA), tmp_path / "there", engine=Processes(2, stand_in_predictor))
    assert report.problems == () and read_files(tmp_path / "there") == read_files(tmp_path / "here")
    _check_nothing_tells_the_keys("", tmp_path / "there")


def test_a_connection_that_breaks_within_a_photo_costs_its_encounter_which_is_tried_again(
    bucket: Bucket, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    bucket.breaks.add(SECOND)
    place, photos = read_place(DATA), read_place(PHOTOS)
    (problem,) = predict(place, tmp_path / "there", photos=photos).problems
    assert problem.startswith(f"{IDS[1]}: ") and SECOND in problem and len(problem.splitlines()) == 1
    bucket.breaks.clear()
    again = predict(place, tmp_path / "there", photos=photos)
    assert (again.done_now, again.problems) == (1, ())
    predict(tmp_path / "data", tmp_path / "here")
    assert read_files(tmp_path / "there") == read_files(tmp_path / "here")
    _check_nothing_tells_the_keys("".join(capfd.readouterr()), tmp_path / "there")


def test_an_object_that_is_not_there_is_a_problem_of_its_encounter(
    bucket: Bucket, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    bucket.client.delete_object(Bucket="pictures", Key=f"all/{FIRST}")
    bucket.removes[SECOND] = SECOND  # listed, and gone when it is read
    report = predict(read_place(DATA), tmp_path / "out", photos=read_place(PHOTOS))
    assert (report.done_now, len(report.problems)) == (3, 2)
    never, gone = report.problems
    assert never.startswith(f"{IDS[0]}: ") and "not found" in never
    assert gone.startswith(f"{IDS[1]}: ") and SECOND in gone and "there is no such file" in gone
    _check_nothing_tells_the_keys("".join(capfd.readouterr()), tmp_path / "out")


def test_a_photo_that_was_replaced_is_predicted_again(bucket: Bucket, tmp_path: Path) -> None:
    place, photos = read_place(DATA), read_place(PHOTOS)
    predict(place, tmp_path / "out", photos=photos)
    assert predict(place, tmp_path / "out", photos=photos).done_now == 0
    picture = next((tmp_path / "data").rglob(THIRD)).read_bytes()
    bucket.client.put_object(Bucket="pictures", Key=f"all/{FIRST}", Body=picture)
    assert predict(place, tmp_path / "out", photos=photos).done_now == 1


@pytest.mark.parametrize("secret", [SECRET, "another/s3cr3t"])
def test_keys_that_the_bucket_refuses_are_one_line_that_does_not_tell_them(
    bucket: Bucket, secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
    _ask(bucket, "/moto-api/reset-auth", b"0")  # from here on moto asks who may
    with pytest.raises(FormatError) as caught:
        read_encounters_at(read_place(DATA), "valid")
    said = str(caught.value)
    assert DATA in said and len(said.splitlines()) == 1
    assert not any(word in said for word in (KEY, secret))


def test_a_bucket_that_is_not_there_and_a_list_without_photos_are_said_in_a_line(
    bucket: Bucket, tmp_path: Path
) -> None:
    with pytest.raises(FormatError, match="s3://nobody/data"):
        read_encounters_at(read_place("s3://nobody/data"), "valid")
    entries = json.loads((tmp_path / "data" / "valid" / "valid.json").read_text(encoding="utf-8"))
    found = read_encounters_at(read_place(DATA), "valid", read_place("s3://pictures/nothing"))
    assert [one.photo_files[0].place for one in found.encounters] == [None] * len(entries)
