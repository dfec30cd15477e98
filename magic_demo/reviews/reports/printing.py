"""The report's HTML printed to PDF by a browser of this machine, without a window."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

from magic_demo.reviews.exports.readings import ExportError

NAMES = (
    *("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"),
    *("microsoft-edge", "microsoft-edge-stable", "msedge"),
)
"""Programs on the path that print as Chromium does."""
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    "C:/Program Files/Google/Chrome/Application/chrome.exe",
    "C:/Program Files (x86)/Microsoft/Edge/Application/msedge.exe",
)
OPTIONS = (
    *("--headless", "--disable-gpu", "--no-pdf-header-footer", "--no-first-run", "--disable-extensions"),
    *("--disable-sync", "--disable-component-update", "--disable-background-networking"),
    "--host-resolver-rules=MAP * ~NOTFOUND",  # nothing is to be fetched, and nothing reported
)
LONGEST_SECONDS = 120.0


def find_browser() -> str | None:
    """Return the path of a Chromium, Chrome or Edge, or of the one that Playwright has fetched; None where
    there is none."""
    found = (shutil.which(name) for name in NAMES)
    if path := next((path for path in (*found, *PLACES) if path and Path(path).exists()), None):
        return path
    with suppress(ImportError):
        from playwright.sync_api import sync_playwright

        with sync_playwright() as playwright:
            path = playwright.chromium.executable_path
        return path if Path(path).exists() else None
    return None


def print_pdf(page: Path, document: Path) -> None:
    """Print an HTML file to ``document``. Raises ExportError, one line, where no browser does that."""
    browser = find_browser()
    if browser is None:
        raise ExportError("this machine has no Chromium, Chrome or Edge")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [browser, *OPTIONS, f"--user-data-dir={profile}", f"--print-to-pdf={document}"]
        if hasattr(os, "geteuid") and os.geteuid() == 0:  # as root Chromium starts no other way
            command.append("--no-sandbox")
        try:
            done = subprocess.run(
                [*command, page.absolute().as_uri()],
                capture_output=True,
                timeout=LONGEST_SECONDS,
                check=False,
            )
        except OSError as error:
            raise ExportError(
                "{browser} cannot be started ({reason})", browser=browser, reason=error.strerror or error
            ) from error
        except subprocess.TimeoutExpired as error:
            raise ExportError(
                "{browser} did not print it in {seconds:g} seconds",
                browser=browser,
                seconds=LONGEST_SECONDS,
            ) from error
    if not document.is_file():
        raise ExportError(
            "{browser} ended with exit code {code} and printed nothing",
            browser=browser,
            code=done.returncode,
        )
