"""Signing in by a proxy before the page: it has checked who somebody is, and says the reader's name in a header.

Anybody can send a header. So it counts from the addresses that were named alone: of the connection itself, never of
what a header such as X-Forwarded-For says.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.types import ASGIApp, Receive, Scope, Send

from magic_demo.core.errors import ReachError

NAMED = "magic_demo.named_by_proxy"
"""Where the request's scope holds the name that a trusted proxy said."""
_HEADER = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{1,63}")
_MEANT_OTHERWISE = frozenset(
    [
        "accept",
        "authorization",
        "connection",
        "content-length",
        "content-type",
        "cookie",
        "forwarded",
        "host",
        "origin",
        "referer",
        "transfer-encoding",
        "user-agent",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
    ]
)
_LONGEST_CHAIN = 20

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True)
class TrustedProxy:
    """The header, in lower case, and the networks that it counts from."""

    header: str
    networks: tuple[Network, ...]

    def trusts(self, address: str) -> bool:
        """Return whether an address is one of the proxy's; an IPv4 address in IPv6 form is the IPv4 address."""
        found = _read_address(address)
        return found is not None and any(
            found.version == network.version and found in network for network in self.networks
        )

    def find_client(self, peer: str, forwarded: str) -> str:
        """Return who asked the outermost trusted proxy: the last address of X-Forwarded-For that is none of
        them."""
        client = peer
        for hop in reversed(forwarded.split(",")[-_LONGEST_CHAIN:]):
            if not self.trusts(client) or _read_address(hop.strip()) is None:
                break
            client = hop.strip()
        return client


def read_trusted_proxy(header: str | None, addresses: Sequence[str] | None) -> TrustedProxy | None:
    """Return what ``--trust-header`` and ``--trust-from`` say, None where neither is given.

    Raises ReachError where one is given without the other, for a header that says something else, and for what is
    no address.
    """
    if header is None and not addresses:
        return None
    if header is None or not addresses:
        raise ReachError(
            "--trust-header and --trust-from belong together: the header that names the reader, and the addresses "
            "of the proxy that sets it"
        )
    if not _HEADER.fullmatch(header) or header.lower() in _MEANT_OTHERWISE:
        raise ReachError(
            "--trust-header {header}: expected is the name of a header that the proxy sets, such as X-Remote-User",
            header=header,
        )
    networks = []
    for text in (part.strip() for given in addresses for part in given.split(",")):
        try:
            network = ipaddress.ip_network(text)
        except ValueError as error:
            raise ReachError(
                "--trust-from {text}: expected is the proxy's address, or a network such as 10.1.2.0/24",
                text=text,
            ) from error
        if network.prefixlen == 0:
            raise ReachError("--trust-from {text}: is everybody; name the proxy's own address", text=text)
        networks.append(network)
    return TrustedProxy(header.lower(), tuple(networks))


def see_connections() -> None:
    """Let the server say the address of each connection as it is, before it is made: by itself it takes the word of
    any program on this computer for another address."""
    os.environ["FORWARDED_ALLOW_IPS"] = "none"


class TakeName:
    """Takes the header off every request; of a trusted proxy's it keeps the name, and whose browser it speaks
    for."""

    def __init__(self, app: ASGIApp, proxy: TrustedProxy) -> None:
        self._app, self._proxy = app, proxy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] == "http":
            scope = self._take(scope)
        await self._app(scope, receive, send)

    def _take(self, scope: Scope) -> Scope:
        wanted = self._proxy.header.encode()
        values = [value for name, value in scope["headers"] if name.lower() == wanted]
        headers = [(name, value) for name, value in scope["headers"] if name.lower() != wanted]
        rest = {**{key: value for key, value in scope.items() if key != NAMED}, "headers": headers}
        peer = scope["client"][0] if scope.get("client") else ""
        if not self._proxy.trusts(peer):
            return rest
        forwarded = ",".join(
            value.decode("latin-1") for name, value in headers if name.lower() == b"x-forwarded-for"
        )
        rest["client"] = (self._proxy.find_client(peer, forwarded), 0)
        name = _decode_name(values)
        return rest if name is None else {**rest, NAMED: name}


def find_named(scope: Mapping[str, object]) -> str | None:
    """Return the name that a trusted proxy said, "" where it said none that can be read, None where no trusted
    proxy said anything."""
    name = scope.get(NAMED)
    return name if isinstance(name, str) else None


def _decode_name(values: Sequence[bytes]) -> str | None:
    """Return the name of the header's lines, "" for several or what is no text, None where there is none."""
    if not any(value.strip() for value in values):
        return None
    try:
        (value,) = values
        return value.strip().decode("utf-8")
    except ValueError:
        return ""


def _read_address(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
