"""Start the page: ``python app.py``, the same as ``magic-demo serve``; then open the address it prints."""

from __future__ import annotations

import sys

from magic_demo.__main__ import run_program

if __name__ == "__main__":
    run_program(["serve", *sys.argv[1:]])
