"""A folder served by HTTP, some of whose files break off."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar


class WebFolder(SimpleHTTPRequestHandler):
    """Serves a folder as Python does; ``breaks``: names of which half comes. asked: every path."""

    breaks: ClassVar[set[str]] = set()
    asked: ClassVar[list[str]] = []

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer; half of what breaks off."""
        self.asked.append(self.path)
        name = self.path.rpartition("/")[2]
        if name == "elsewhere.png":
            self.send_response(302)
            self.send_header("Location", "/secret/inner.png")
            self.end_headers()
        elif name in self.breaks:
            data = Path(self.translate_path(self.path)).read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[: len(data) // 2])
            self.close_connection = True
        else:
            super().do_GET()


@contextmanager
def serve_folder(folder: Path) -> Iterator[str]:
    """Serve a folder, of which nothing breaks off yet; give its address."""
    WebFolder.breaks, WebFolder.asked = set(), []
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(WebFolder, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
