"""Photos are unpacked apart: what a file does to its reader costs one line, in bounded time and memory, and
nobody else."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from magic_demo.core.errors import PhotoError
from magic_demo.core.limits import Limits
from magic_demo.core.process.niceness import PHOTOS, SLOW_PHOTOS
from magic_demo.files.photos.processes import workers as workers_module
from magic_demo.files.photos.processes.workers import PhotoWorkers, read_photo_apart, shared_workers
from magic_demo.files.photos.reading import decode_photo, read_photo
from magic_demo.page.texts.i18n import line_in_both

REPORTED = Path(__file__).resolve().parents[2] / "data" / "reported"
PHOTO = (REPORTED / "exif_bad_header.jpg").read_bytes()


def _stand_in(body: str) -> list[str]:
    """Return a program that answers with ``body`` in the place of the decoder."""
    script = f"""
import sys; sys.path[:] = {sys.path!r}
import logging, os, time
import magic_demo.files.photos.decoding as decoding
real = decoding.open_picture
def open_picture(data, name, limits, make_room):
{body}
    return real(data, name, limits, make_room)
decoding.open_picture = open_picture
from magic_demo.files.photos.processes.worker import main
main()
"""
    return [sys.executable, "-c", script]


@pytest.fixture(scope="module")
def workers() -> Iterator[PhotoWorkers]:
    made = PhotoWorkers(seconds=60)
    yield made
    made.close()


def _refusal(workers: PhotoWorkers, data: bytes = PHOTO) -> str:
    with pytest.raises(PhotoError) as caught:
        workers.decode(data, photo_id="a", name="a.jpg")
    said = str(caught.value)
    assert said.startswith("a.jpg: ") and "\n" not in said
    return said


@pytest.mark.parametrize(
    "name",
    [
        "exif_bad_header.jpg",
        "spot_display_p3.png",
        "xmp_orientation_only.jpg",
        "dng_like_preview_in_ifd0.dng",
    ],
)
def test_a_photo_is_the_same_from_a_process_of_its_own(workers: PhotoWorkers, name: str) -> None:
    apart, here = workers.read(REPORTED / name), read_photo(REPORTED / name)
    assert (
        np.array_equal(apart.pixels, here.pixels)
        and apart.notes == here.notes
        and apart.photo_id == here.photo_id
    )
    assert apart.pixels.dtype == np.uint8 and apart.pixels.flags.c_contiguous


def test_what_is_wrong_is_the_same_line(workers: PhotoWorkers) -> None:
    for data in (b"text", b"", PHOTO[: len(PHOTO) // 2], (REPORTED / "strip_bomb_lzma.tif").read_bytes()):
        with pytest.raises(PhotoError) as here:
            decode_photo(data, photo_id="a", name="a.jpg")
        assert _refusal(workers, data) == str(here.value)


def test_lines_come_out_of_the_process_with_their_values(workers: PhotoWorkers) -> None:
    with pytest.raises(PhotoError) as caught:
        workers.decode(b"text", photo_id="arm {name}")
    assert line_in_both(caught.value.message)["zh"].startswith("arm {name}：无法作为照片读取；需要 JPEG")
    grey = io.BytesIO()
    Image.new("L", (64, 64)).save(grey, "PNG")
    (note,) = workers.decode(grey.getvalue(), photo_id="arm").notes
    assert line_in_both(note)["zh"] == "灰度已转为 RGB"


def test_one_process_serves_photo_after_photo() -> None:
    workers = PhotoWorkers(seconds=60)
    try:
        for _ in range(5):
            workers.decode(PHOTO, photo_id="a")
        assert len(workers) == 1
    finally:
        workers.close()
    assert len(workers) == 0


def test_a_decoder_that_never_ends_is_ended(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    endless = (
        f"    if not os.path.exists({str(mark)!r}):\n        open({str(mark)!r}, "
        "'w').write(str(os.getpid()))\n        time.sleep(10**6)"
    )
    workers = PhotoWorkers(_stand_in(endless), seconds=0.3)
    try:
        assert "took longer than 0.3 seconds" in _refusal(workers)
        assert len(workers) == 0, "its process is gone"
        with pytest.raises(ProcessLookupError):
            _signal(int(mark.read_text()))
    finally:
        workers.close()


def _count_waits(monkeypatch: pytest.MonkeyPatch, worked: list[float]) -> None:
    """Let a process that waits for ever have had a processor for so many seconds each time that it is
    asked."""
    asked = iter(worked)
    monkeypatch.setattr(
        "magic_demo.files.photos.processes.workers._Worker._processor_seconds",
        lambda _: next(asked, worked[-1]),
    )


def test_an_uploads_deadline_holds_however_busy_the_machine_is(monkeypatch: pytest.MonkeyPatch) -> None:
    workers = PhotoWorkers(_stand_in("    time.sleep(10**6)"), seconds=0.2)
    # before the start, after it, before the photo, at its deadline; there is no other
    _count_waits(monkeypatch, [0, 0, 0, 0.05])
    try:
        assert (
            "took longer than 0.2 seconds, of which its reader had a processor for 0.1; try again"
            in _refusal(workers)
        )
    finally:
        workers.close()


@pytest.mark.parametrize(
    ("worked", "periods"), [([0, 0, 0, 0.1], 1), ([0, 0, 0, 0.01, 0.2], 2), ([0, 0, 0, 0.01, 0.02, 0.03], 3)]
)
def test_a_file_on_disk_has_more_time_where_the_machine_is_too_busy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, worked: list[float], periods: int
) -> None:
    (tmp_path / "a.jpg").write_bytes(PHOTO)
    workers = PhotoWorkers(_stand_in("    time.sleep(10**6)"), seconds=0.2)
    _count_waits(monkeypatch, worked)
    try:
        with pytest.raises(
            PhotoError, match=rf"^a.jpg: unpacking it took longer than {0.2 * periods:g} seconds"
        ):
            workers.read(tmp_path / "a.jpg")
    finally:
        workers.close()


def test_an_uploads_line_comes_within_ten_seconds() -> None:
    assert Limits().photo_seconds < 10  # and its deadline is passed once


def _signal(pid: int) -> None:
    import os

    os.kill(pid, 0)


def test_a_decoder_that_asks_for_too_much_memory_is_told_no() -> None:
    workers = PhotoWorkers(
        _stand_in("    hog = bytearray(4 * 2**30)\n    hog[::4096] = bytes(len(hog[::4096]))"), seconds=60
    )
    try:
        said = _refusal(workers)
        assert "memory" in said or "made its reader end" in said
    finally:
        workers.close()


@pytest.mark.parametrize("end", ["os._exit(3)", "os.kill(os.getpid(), 9)", "sys.exit('x')"])
def test_a_decoder_that_dies_costs_its_photo_alone(tmp_path: Path, end: str) -> None:
    mark = tmp_path / "died"
    workers = PhotoWorkers(
        _stand_in(
            f"    if not os.path.exists({str(mark)!r}):\n        open({str(mark)!r}, 'w').close()\n        "
            f"{end}"
        ),
        seconds=60,
    )
    try:
        assert "made its reader end" in _refusal(workers)
        assert workers.decode(PHOTO, photo_id="b").size == (240, 320)
    finally:
        workers.close()


def test_what_libraries_print_belongs_to_the_file(capfd: pytest.CaptureFixture[str]) -> None:
    body = (
        "    os.write(2, b'TIFFRead: odd tag\\n'); os.write(1, b'on the other\\n'); "
        "logging.getLogger('tifffile').warning('bad shape')"
    )
    workers = PhotoWorkers(_stand_in(body), seconds=60)
    try:
        photo = workers.decode(PHOTO, photo_id="a")
        says = {note for note in photo.notes if note.startswith("its reader says: ")}
        assert {"its reader says: TIFFRead: odd tag", "its reader says: bad shape"} <= says
        assert "its reader says: TIFFRead: odd tag" in _refusal(workers, b"text")
    finally:
        workers.close()
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")


@pytest.mark.parametrize(
    "answer",
    [
        "b'X' + bytes(7) + b'\\x02{}'",
        "b'S' + bytes(7) + b'\\x0e[10000, 99999]'",
        "b'P' + b'\\xff' * 8",
        "b'?' * 9",
        "b''",
    ],
)
def test_answers_that_are_none_are_not_believed(answer: str) -> None:
    script = (
        "import os, sys, time; os.write(1, b'R' + bytes(8)); sys.stdin.buffer.read(13); os.write(1, "
        f"{answer}); os.close(1)"
    )
    workers = PhotoWorkers([sys.executable, "-c", script], seconds=60)
    try:
        assert "made its reader end" in _refusal(workers)
    finally:
        workers.close()


def test_the_process_loads_neither_models_nor_page() -> None:
    script = (
        "import sys, magic_demo.files.photos.processes.worker, magic_demo.files.photos.decoding; "
        "print([name for name in ('torch', 'gradio', 'cv2', 'sqlalchemy') if name in sys.modules])"
    )
    assert (
        subprocess.run(
            [sys.executable, "-c", script], check=True, capture_output=True, text=True
        ).stdout.strip()
        == "[]"
    )


def test_processes_end_with_the_program(tmp_path: Path) -> None:
    script = f"""
from pathlib import Path
from magic_demo.files.photos.processes.workers import read_photo_apart, shared_workers
read_photo_apart(Path({str(REPORTED / "exif_bad_header.jpg")!r}))
print([worker._process.pid for worker in shared_workers()._all][0])
"""
    pid = int(
        subprocess.run(
            [sys.executable, "-W", "error", "-c", script], check=True, capture_output=True, text=True
        ).stdout
    )
    with pytest.raises(ProcessLookupError):
        _signal(pid)


def test_a_file_that_is_none_is_one_line(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "zero.jpg").symlink_to("/dev/zero")
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "gone.jpg").symlink_to("nowhere")
    for name, says in (
        ("pipe", "a pipe, not a file"),
        ("zero", "a device, not a file"),
        ("folder", "a folder, not a file"),
        ("gone", "No such file"),
    ):
        with pytest.raises(PhotoError, match=rf"{name}.jpg: cannot be read \(.*{says}"):
            read_photo_apart(tmp_path / f"{name}.jpg")


def test_all_of_the_program_shares_one_pool() -> None:
    assert shared_workers() is shared_workers()


def test_a_photo_that_takes_much_work_or_ends_its_process_is_remembered_with_its_reader(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(workers_module, "MUCH", 0.05)
    working = "    start = time.process_time()\n    while time.process_time() - start < (0.2 if b'ExIf' in data else 0): pass"
    for body in (working, "    os._exit(1) if b'ExIf' in data else None"):
        apart = PhotoWorkers(_stand_in(body), seconds=60)
        try:
            apart.decode(PHOTO, photo_id="a", reader="quick")
            assert not apart._line._heavy
            with suppress(PhotoError):
                apart.decode(PHOTO.replace(b"Exif", b"ExIf"), photo_id="b", reader="heavy")
            assert list(apart._line._heavy) == ["heavy"]
        finally:
            apart.close()


def test_a_photo_that_takes_long_gives_way_and_its_process_is_quick_again_or_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[tuple[int, int]] = []
    allowed = {SLOW_PHOTOS: True, PHOTOS: True}

    def note(process: int, niceness: int) -> bool:
        asked.append((process, niceness))
        return allowed[niceness]

    monkeypatch.setattr(workers_module, "SLOW", 0.0)  # any photo takes long
    monkeypatch.setattr(workers_module, "set_niceness", note)
    slow = PhotoWorkers(_stand_in("    time.sleep(0.2)"), seconds=60)
    slow.decode(PHOTO, photo_id="a")
    process = asked[0][0]
    assert asked == [(process, SLOW_PHOTOS), (process, PHOTOS)] and len(slow) == 1
    allowed[PHOTOS] = False  # as for whoever is not root: a process may not come forward again
    slow.decode(PHOTO, photo_id="b")
    assert {one for one, _ in asked} == {process} and len(slow) == 0
    slow.close()


def test_a_large_photo_comes_whole(workers: PhotoWorkers, tmp_path: Path) -> None:
    scene = Image.fromarray(np.random.default_rng(5).integers(0, 256, (9, 12, 3), np.uint8)).resize(
        (2400, 1800), Image.Resampling.NEAREST
    )
    scene.save(tmp_path / "a.png", compress_level=1)
    assert np.array_equal(workers.read(tmp_path / "a.png").pixels, np.asarray(scene))
