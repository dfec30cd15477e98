"""Who can reach the page: what must be so before other computers may, and the way onto the internet, which is
asked for twice."""

from __future__ import annotations

import ipaddress
import secrets
import sys
from collections.abc import Callable, Mapping

from magic_demo.core.errors import ReachError, one_line
from magic_demo.page.gradio_internals import tunnel
from magic_demo.page.session.desk.desk import Desk

SHARE_LINES = (
    "--share gives this page an address on the internet. Everything that readers see and send, photos "
    "and words of patients too, passes through",
    "Gradio's servers. The first time, a program that keeps the connection (frpc) is downloaded from "
    "Hugging Face's servers and run here.",
)
SHARE_QUESTIONS = (
    ("Type share if you want that: ", "share"),
    ("Type allowed if whoever is responsible for these cases has allowed that: ", "allowed"),
)


def is_near(host: str) -> bool:
    """Return whether an address to listen on is of this computer alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_reach(
    host: str,
    desk: Desk,
    environment: Mapping[str, str],
    *,
    share: bool = False,
    root_path: str = "",
    by_proxy: bool = False,
) -> list[str]:
    """Return what is to be said of who can reach the page, nothing where this computer alone can.

    Raises ReachError where others could and nobody would have to sign in; a Hugging Face Space that keeps
    nothing is for everybody. by_proxy: a proxy says who signs in. A page below a path has a proxy before it, which lets others in.
    """
    if is_near(host) and not share and not root_path:
        return []
    if desk.sign_ins is not None and (by_proxy or desk.opened_store.needs_sign_in()):
        keeper = "the proxy's and readers' passwords" if by_proxy else "readers' passwords"
        where = "anybody on the internet" if share else "other computers"
        return [
            f"warning: {where} can reach this page; {keeper} keep them out. "
            "Without https before it, passwords and photos can be read on the way (SECURITY.md)"
        ]
    if desk.public and is_space(environment) and not share:
        return [
            "warning: everybody who opens this Space can use the page; nobody signs in and nothing is "
            "kept; bring no photos of patients here"
        ]
    what = "--share" if share else f"--host {host}" if not is_near(host) else f"--root-path {root_path}"
    raise ReachError(
        "{what}: others could read and change everything here, as nobody has to sign in; "
        "give a reader a password first (python -m magic_demo readers add NAME, with the "
        "same --store), or leave it out to stay on this computer",
        what=what,
    )


def is_space(environment: Mapping[str, str]) -> bool:
    """Return whether the program runs as a Hugging Face Space."""
    return bool(environment.get("SPACE_ID"))


def confirm_share(ask: Callable[[str], str] = input, *, terminal: bool | None = None) -> None:
    """Say what --share does, and ask twice.

    Raises ReachError where the answers are not the words asked for, or nobody can be asked.
    """
    if not (sys.stdin.isatty() if terminal is None else terminal):
        raise ReachError("--share asks twice before it opens the page to the internet; run it in a terminal")
    print("\n".join(SHARE_LINES), file=sys.stderr)
    for question, word in SHARE_QUESTIONS:
        try:
            answer = ask(question)
        except EOFError:
            answer = ""
        if answer.strip().casefold() != word:
            raise ReachError("{word!r} was not typed; the page was not opened", word=word)


def open_tunnel(host: str, port: int) -> str:
    """Open the tunnel and return its address.

    Gradio's own way of sharing is not used: its page loads scripts from elsewhere.

    Raises ReachError where the network or Gradio's servers do not let it.
    """
    try:
        return tunnel.open_tunnel(host, port, secrets.token_urlsafe(32))
    except Exception as error:  # whatever the network, the download or the program that was downloaded does
        raise ReachError(
            "--share: no address could be had ({reason}); the page needs the internet for it",
            reason=one_line(error),
        ) from error
