"""Find the browser that the page's tests drive, and get one when there is none: ``python -m
tests.e2e.browser``."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from magic_demo.reviews.reports.printing import find_browser


def get_browser() -> str:
    """Return a browser's path, installing the system's package or else Playwright's own.

    Raises SystemExit with one line.
    """
    if path := find_browser():
        return path
    tries = [[sys.executable, "-m", "playwright", "install", "chromium"]]
    if shutil.which("apt-get") and os.geteuid() == 0:
        tries.insert(
            0,
            [
                "sh",
                "-c",
                "apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium "
                "fonts-noto-cjk",
            ],
        )
    for command in tries:
        print("getting a browser for the tests:", " ".join(command), file=sys.stderr)
        subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
        if path := find_browser():
            return path
    raise SystemExit(
        "no browser: install Chromium (Debian and Ubuntu: apt-get install chromium) and run the tests again"
    )


if __name__ == "__main__":
    print(get_browser())
