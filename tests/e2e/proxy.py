"""A reverse proxy that shows servers below a path, as nginx does: it passes the path on, or cuts it off, and keeps a
browser with one server for as long as that one answers."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import ClassVar


@dataclass
class Proxy:
    """What is behind it is seen below ``path`` alone; ``strays`` are the addresses asked for beside it.

    ports: the servers' on this computer. STICKY: the cookie by whose value each browser keeps its server; the
    browsers that come with a new one are dealt out in turn.
    """

    STICKY: ClassVar = re.compile(rb"magic-demo-reader=([^;\s]+)")
    ports: tuple[int, ...]
    path: str
    cuts: bool
    address: str = ""
    strays: list[str] = field(default_factory=list)
    served_by: dict[bytes, int] = field(default_factory=dict)

    async def connect(self, head: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect with the server that the browser's requests go to, with another one where that has ended."""
        found = self.STICKY.search(head)
        who = found[1] if found else b""
        first = self.served_by.setdefault(who, self.ports[len(self.served_by) % len(self.ports)])
        for port in sorted(self.ports, key=lambda port: port != first):
            with suppress(ConnectionRefusedError):
                connected = await asyncio.open_connection("127.0.0.1", port)
                self.served_by[who] = port
                return connected
        raise ConnectionRefusedError("no server answers")

    async def pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one request on; each has a connection of its own, which ends with it."""
        ends, both = [writer], list[asyncio.Future[None]]()
        try:
            head = (await reader.readuntil(b"\r\n\r\n"))[:-4]
            line, *headers = head.split(b"\r\n")
            method, target, version = line.decode("latin-1").split(" ")
            if target.partition("?")[0] != self.path and not target.startswith(f"{self.path}/"):
                self.strays.append(target)
                writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                return
            if self.cuts and target.startswith(f"{self.path}/"):
                target = target.removeprefix(self.path)
            kept = [header for header in headers if not header.lower().startswith(b"connection:")]
            source, server = await self.connect(head)
            ends.append(server)
            sent = [
                f"{method} {target} {version}".encode("latin-1"),
                *kept,
                b"Connection: close",
                b"X-Forwarded-For: 192.0.2.9",
            ]
            server.write(b"\r\n".join(sent) + b"\r\n\r\n")
            both = [
                asyncio.ensure_future(_pour(reader, server)),
                asyncio.ensure_future(_pour(source, writer)),
            ]
            # the browser has left, or has its answer
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            # who leaves in the middle, or opens a connection for later and never uses it; and the proxy's own
            # end
            pass
        finally:
            for one in both:
                one.cancel()
            for end in ends:
                end.close()


async def _pour(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await source.read(65536):
            sink.write(chunk)
            await sink.drain()


@contextmanager
def serve_below(*ports: int, path: str, cuts: bool) -> Iterator[Proxy]:
    """Run a proxy before the servers at ports of this computer, in a thread of its own."""
    proxy, listens = Proxy(ports, path, cuts), threading.Event()
    stops: list[Callable[[], object]] = []

    async def serve() -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        stops.append(lambda: loop.call_soon_threadsafe(stop.set))
        server = await asyncio.start_server(proxy.pass_on, "127.0.0.1", 0)
        proxy.address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        listens.set()
        await stop.wait()
        server.close()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="proxy")
    thread.start()
    try:
        assert listens.wait(20)
        yield proxy
    finally:
        for stop in stops:
            stop()
        thread.join(20)
