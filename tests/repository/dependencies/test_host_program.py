"""A program that imports Magic Demo stays as it was: nothing of its process is set on import, nor left set by
reading."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import threading
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from magic_demo.files.masks.mask_files import read_mask
from magic_demo.files.photos.reading import read_photo
from magic_demo.files.pillow import own_bounds

REPOSITORY = Path(__file__).resolve().parents[3]
NOT_IMPORTED = ("magic_demo.reviews.store.migrations",)
"""Scripts that alembic runs."""


LIGHT = ("core", "imaging", "questions", "files", "cues", "synthetic", "reviews")
"""Packages without torch and gradio, which take seconds to import."""


def _list_own_modules() -> list[str]:
    """Return every module of the program that another program may import."""
    found = []
    for top in ("magic_demo", "training"):
        for path in sorted((REPOSITORY / top).rglob("*.py")):
            name = ".".join(path.relative_to(REPOSITORY).with_suffix("").parts).removesuffix(".__init__")
            if not name.startswith(NOT_IMPORTED):
                found.append(name)
    return found


def _open(module: str) -> ast.Module:
    path = REPOSITORY / module.replace(".", "/")
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ast.parse(path.read_text(encoding="utf-8"))


def _list_foreign_imports(modules: Sequence[str]) -> list[str]:
    """Return what modules import of others when they are imported: what those set is not ours."""
    names: set[str] = set()
    for module in modules:
        for node in _open(module).body:
            if isinstance(node, ast.Import):
                names.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module)
                names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return sorted(name for name in names if name.split(".")[0] not in ("magic_demo", "training"))


STATE = """
import atexit, gc, json, locale, logging, os, random, signal, socket, sys, threading, warnings
from importlib import import_module


def note():
    import numpy
    from PIL import Image, ImageFile

    loggers = logging.root.manager.loggerDict
    return note_torch() | {
        "environment": dict(os.environ),
        "Pillow's bound": Image.MAX_IMAGE_PIXELS,
        "Pillow's kinds": sorted(Image.OPEN),
        "Pillow's savers": sorted(Image.SAVE),
        "Pillow's truncated files": ImageFile.LOAD_TRUNCATED_IMAGES,
        "warnings": [repr(one) for one in warnings.filters],
        "showing of warnings": repr(warnings.showwarning),
        "root logger": [logging.root.level, [repr(one) for one in logging.root.handlers], logging.root.manager.disable],
        "loggers": {
            name: [one.level, [repr(handler) for handler in one.handlers], one.propagate]
            for name, one in loggers.items()
            if isinstance(one, logging.Logger)
            and (one.level or one.handlers or not one.propagate)
        },
        "signals": {str(one): repr(signal.getsignal(one)) for one in signal.valid_signals()},
        "locale": locale.setlocale(locale.LC_ALL),
        "hooks": [repr(sys.excepthook), repr(threading.excepthook), repr(sys.unraisablehook)],
        "interpreter": [sys.getswitchinterval(), sys.getrecursionlimit(), sys.get_int_max_str_digits()],
        "streams": [id(sys.stdin), id(sys.stdout), id(sys.stderr)],
        "modules that are not to be found": sorted(name for name, one in sys.modules.items() if one is None),
        "path": sys.path,
        "folder": os.getcwd(),
        "left for the end": atexit._ncallbacks(),
        "threads": sorted(thread.name for thread in threading.enumerate()),
        "garbage": gc.get_threshold(),
        "sockets": socket.getdefaulttimeout(),
        "chance": [repr(random.getstate()), repr(numpy.random.get_state()[1].tolist())],
    }


def note_torch():
    if "torch" not in sys.modules:
        return {}
    import torch, transformers

    return {
        "torch": [
            torch.get_num_threads(), torch.get_num_interop_threads(), str(torch.get_default_dtype()),
            torch.is_grad_enabled(), torch.are_deterministic_algorithms_enabled(),
            torch.get_float32_matmul_precision(), torch.random.get_rng_state().tolist(),
        ],
        "transformers": [
            transformers.utils.logging.get_verbosity(),
            # classes that were added for configs of transformers itself
            [
                config.__name__
                for config in transformers.AutoModelForImageSegmentation._model_mapping._extra_content
                if config.__module__.startswith("transformers.")
            ],
        ],
    }


def import_all(names):
    for name in names:
        try:
            import_module(name)
        except ImportError:  # a name that is taken out of a module
            pass


foreign, own = json.loads(sys.stdin.read())
import_all(foreign)
before = note()
for name in own:
    import_module(name)
after = note()
print(json.dumps({part: [before[part], after[part]] for part in before if before[part] != after[part]}))
"""


def _list_acts(module: str) -> list[str]:
    """Return what a module does as it is imported beside defining names: calls whose result is dropped, and
    values that are set in something else."""
    acts = []
    for node in _open(module).body:
        if isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant):
            acts.append(ast.unparse(node))
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", node)]
        acts += [ast.unparse(node) for target in targets if isinstance(target, ast.Attribute | ast.Subscript)]
        acts += [ast.unparse(node)] if isinstance(node, ast.For | ast.While | ast.Delete) else []
    return acts


@pytest.mark.parametrize("top", ["magic_demo", "training"])
def test_a_module_defines_names_and_registers_its_own_models_and_does_nothing_else(top: str) -> None:
    acts = {module: _list_acts(module) for module in _list_own_modules() if module.split(".")[0] == top}
    others = {
        module: [act for act in found if not re.search(r"\.register(_for_auto_class)?\(", act)]
        for module, found in acts.items()
        if found
    }
    assert {module: found for module, found in others.items() if found} == {}


def test_a_setting_in_a_module_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "rude.py").write_text(
        '"""Rude."""\nfrom PIL import Image\nImage.MAX_IMAGE_PIXELS = None\nprint("hello")\nFINE = len("x")\n',
        encoding="utf-8",
    )
    monkeypatch.setattr(sys.modules[__name__], "REPOSITORY", tmp_path)
    assert _list_acts("rude") == ["Image.MAX_IMAGE_PIXELS = None", "print('hello')"]


def _import_beside(modules: Sequence[str]) -> dict[str, list[Any]]:
    """Return what importing modules changes in a process that has imported what they import: part -> before,
    after."""
    ended = subprocess.run(
        [sys.executable, "-c", STATE],
        input=json.dumps([_list_foreign_imports(modules), modules]),
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0 and ended.stderr == "", ended.stderr
    changed: dict[str, list[Any]] = json.loads(ended.stdout)
    return changed


@pytest.mark.parametrize("which", ["light", pytest.param("all", marks=pytest.mark.long)])
def test_importing_every_module_changes_nothing_in_the_host_program(which: str) -> None:
    modules = _list_own_modules()
    if which == "light":
        light = tuple(f"magic_demo.{package}" for package in LIGHT)
        modules = ["magic_demo", *(name for name in modules if name.startswith(light))]
    assert _import_beside(modules) == {}


def test_a_change_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "rude.py").write_text(
        "import os, signal, warnings\nfrom PIL import Image\n"
        "os.environ['RUDE'] = '1'\nImage.MAX_IMAGE_PIXELS = 5\nwarnings.simplefilter('ignore')\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n",
        encoding="utf-8",
    )
    monkeypatch.setattr(sys.modules[__name__], "REPOSITORY", tmp_path)
    assert _import_beside(["rude"]).keys() == {"environment", "Pillow's bound", "warnings", "signals"}


def test_a_wrong_limit_in_the_environment_ends_no_program_that_imports_us() -> None:
    script = (
        "from magic_demo.core.limits import LIMITS, Limits, check_limits\n"
        "assert LIMITS == Limits()\n"
        "check_limits()"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script],
        cwd=REPOSITORY,
        env={**os.environ, "MAGIC_DEMO_LIMIT_PHOTO_BYTES": "many"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stderr.splitlines()[-1].startswith("magic_demo.core.errors.LimitError"), ended.stderr


def test_reading_goes_beyond_pillows_bound_and_leaves_it_to_the_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "photo.png"
    Image.fromarray(np.zeros((48, 64), np.uint8)).save(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    filters = list(warnings.filters)
    assert read_photo(path).size == (48, 64) and read_mask(path).shape == (48, 64)
    assert Image.MAX_IMAGE_PIXELS == 100 and warnings.filters == filters
    with pytest.raises(Image.DecompressionBombError):
        Image.open(path, formats=("PNG",))


def test_what_was_set_comes_back_when_the_last_of_several_threads_has_read() -> None:
    bound, filters = Image.MAX_IMAGE_PIXELS, list(warnings.filters)
    inside, leave = threading.Event(), threading.Event()

    def read() -> None:
        with own_bounds():
            inside.set()
            leave.wait()

    with own_bounds():
        other = threading.Thread(target=read)
        other.start()
        inside.wait()
    assert Image.MAX_IMAGE_PIXELS is None
    leave.set()
    other.join()
    assert bound == Image.MAX_IMAGE_PIXELS and warnings.filters == filters
