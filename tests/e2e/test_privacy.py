"""What is left of a case: nothing in the browser, in temporary folders or in the log, nothing that ran as a
script, and no request to elsewhere."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from magic_demo.reviews.store import LOCAL_READER, Store
from tests.e2e.review.steps import answer_all
from tests.e2e.review_server import ReviewServer
from tests.support.stand_ins import draw_photo

MARKER = "plantedtrace"
SCRIPT = f"""{MARKER} </script><script>window.ran=1</script><img src=x onerror="window.ran=2"> ${{window.ran=3}} {{{{ran}}}} `"""
GUARD = """
import socket, sys
real = socket.socket.connect
def connect(self, address):
    if isinstance(address, tuple) and str(address[0]) not in ("127.0.0.1", "::1", "localhost"):
        print(f"OUTGOING {address}", file=sys.stderr, flush=True)
        raise OSError("this test has no network")
    return real(self, address)
socket.socket.connect = connect
find = socket.getaddrinfo
def getaddrinfo(host, *rest, **more):
    if host not in (None, "127.0.0.1", "::1", "localhost", "0.0.0.0"):
        print(f"OUTGOING {host}", file=sys.stderr, flush=True)
        raise OSError("this test has no network")
    return find(host, *rest, **more)
socket.getaddrinfo = getaddrinfo
"""
"""Run by the server's Python before anything else."""


class GuardedServer(ReviewServer):
    """The page over the queue and its bundle, its temporary folders below ``folder``; what would leave the
    computer is printed and fails."""

    def settings(self) -> dict[str, str | None]:
        """Write what guards the page's Python, and let it be found."""
        self.temporary, guard = self.folder / "temporary", self.folder / "guard"
        for folder in (self.temporary, guard):
            folder.mkdir(exist_ok=True)
        (guard / "sitecustomize.py").write_text(GUARD)
        return {
            "TMPDIR": str(self.temporary),
            "PYTHONPATH": str(guard),
            "HF_HUB_OFFLINE": "0",
            "GRADIO_TEMP_DIR": None,
        }


@pytest.fixture(scope="module")
def server(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedServer]:
    server = GuardedServer(repository, tmp_path_factory.mktemp("privacy"))
    server.start()
    yield server
    print(server.stop())  # shown where the test fails


def write_photo(folder: Path) -> Path:
    """Write a photo whose file and name are full of planted words."""
    exif = Image.Exif()
    exif[0x010F] = exif[0x0132] = MARKER
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 8.0, 0.0), 29: MARKER})
    buffer = io.BytesIO()
    Image.fromarray(draw_photo(192, 256)).save(buffer, "JPEG", exif=exif, comment=MARKER.encode())
    path = folder / f"{MARKER}<img src=x onerror=window.ran=4>.jpg"
    path.write_bytes(buffer.getvalue() + MARKER.encode())
    return path


def find_marker(folder: Path) -> list[str]:
    codings = [MARKER.encode(coding) for coding in ("utf-8", "utf-16-le")]
    return [
        str(path)
        for path in folder.rglob("*")
        if path.is_file() and any(code in path.read_bytes() for code in codings)
    ]


def review(page: Page, photo: Path) -> None:
    """Upload, keep, comment, finish, compare: every place where words and names are shown."""
    page.click("#queue-own")  # a queue is read without what photos of one's own need
    page.check("#consent-given")
    page.set_input_files("#photos input[type=file]", str(photo))
    page.wait_for_selector("#photo-strip-list .thumb")
    expect(page.locator("#messages")).to_contain_text(
        "removed: GPS position, device, time, EXIF metadata, comments, data after the picture's end"
    )
    page.fill("#narrative textarea", SCRIPT)
    page.click("#keep-case")
    page.wait_for_selector("#review-notes:visible")
    page.click("#review-notes")
    page.fill("#review-comment", SCRIPT)
    answer_all(page, outlined=0)
    page.click("#review-finish")
    page.wait_for_selector("#review-next:visible")
    page.click("#review-readings")
    page.wait_for_selector("#readings table")


def test_a_case_leaves_nothing_runs_nothing_and_asks_for_nothing_elsewhere(
    browser: Browser, server: GuardedServer, tmp_path: Path
) -> None:
    requests: list[str] = []
    complaints: list[str] = []
    profile = tmp_path / "profile"
    context = browser.browser_type.launch_persistent_context(
        str(profile), executable_path=browser_path(), viewport={"width": 1366, "height": 768}, locale="en-US"
    )
    page = context.new_page()
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(server.address)
    page.wait_for_selector(".queue-case")
    expect(page.locator(".status-disclaimer")).to_be_in_viewport()
    expect(page.locator(".status-disclaimer")).to_contain_text("not a medical device")
    review(page, write_photo(tmp_path))
    page.reload()
    page.wait_for_selector("#review-notes:visible")
    assert page.evaluate("window.ran") is None
    with Store.open(server.store) as store:
        (saved,) = [
            saved
            for queue in store.queues()
            for saved in store.latest_reviews(queue, viewer=LOCAL_READER)
            if saved.review.comment
        ]
        assert saved.review.comment == SCRIPT, "it is kept as it was typed"

    other = context.new_page()
    other.goto(f"{server.address}/agreement")
    other.wait_for_selector(".agree-live")
    assert other.evaluate("window.ran") is None
    other.close()

    page.click("#review-notes")
    page.click("#erase summary")
    page.screenshot(path=os.environ.get("PRIVACY_SHOT", str(tmp_path / "erase.png")))
    page.click("#erase-not")
    page.click("#erase summary")
    page.click("#erase-now")
    expect(page.locator(".status-line")).to_contain_text("The case is deleted")
    expect(page.locator("#queue-list")).not_to_contain_text(saved.review.case_id)
    expect(page.locator("#review")).to_be_hidden()
    assert page.input_value("#narrative textarea") == ""
    with Store.open(server.store) as store:
        assert not [
            case
            for queue in store.queues()
            for case in store.list_cases(queue, LOCAL_READER)
            if case.key.case_id == saved.review.case_id
        ]
    assert find_marker(server.store) == [], "no row, no photo, no page of the write-ahead log"

    stored = page.evaluate(
        """async () => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, await indexedDB.databases(), await caches.keys(),
        (await navigator.serviceWorker.getRegistrations()).length, document.cookie])"""
    )
    assert MARKER not in stored and stored.endswith('[],[],0,""]'), stored
    context.close()
    left = [
        path for path in find_marker(profile) if not {"IndexedDB", "Local Storage"} & set(Path(path).parts)
    ]
    assert left == [], (
        "nothing in the browser's own files but what its databases, now empty, have not tidied up"
    )
    assert [url for url in requests if not url.startswith((f"{server.address}/", "data:", "blob:"))] == []
    assert [line for line in complaints if "Content Security Policy" in line] == [], (
        "requests that a reload cuts off may complain"
    )
    said = server.stop()
    assert MARKER not in said and "OUTGOING" not in said and "Traceback" not in said, said
    assert (
        find_marker(server.temporary) == []
        and [path for path in server.temporary.rglob("*") if path.is_file()] == []
    )


def browser_path() -> str:
    from magic_demo.reviews.reports.printing import find_browser

    found = find_browser()
    assert found is not None
    return found
