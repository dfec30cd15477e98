"""Gradio's tunnel onto the internet, without the page that Gradio would share."""

from __future__ import annotations


def open_tunnel(host: str, port: int, token: str) -> str:
    """Open the tunnel to a port and return its address.

    Raises whatever the network, the download or the downloaded program raises.
    """
    from gradio.networking import setup_tunnel  # downloads a program: not before it is asked for

    return str(setup_tunnel(host, port, token, None, None))
