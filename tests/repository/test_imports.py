"""Imports point one way, so that a newcomer can read the program from the bottom up."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
TORCH = {"torch", "transformers", "accelerate"}

# From the bottom up: a module may import modules of its own layer and of those above it in this list.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("errors", "types", "limits", "user_files", "backend_names", "counted", "parts", "ending"),
    (
        "whole_files",
        "whole_text",
        "pipeline",
        "questions",
        "jpeg_scans",
        "tiff_pages",
        "photo_kinds",
        "photo_bounds",
        "coded_colours",
        "photo_colours",
        "photo_metadata",
        "pictures",
        "png_chunks",
        "photo_tiff",
        "photo_dicom",
        "photo_decoding",
        "fair_line",
        "niceness",
        "photo_index",
        "photo_worker",
        "photo_workers",
        "photos",
        "overlay",
        "measure",
        "published",
        "findings",
        "csv_files",
        "mask_runs",
        "packed_masks",
        "consensus",
    ),
    (
        "checkpoint_files",
        "mask_values",
        "mask_files",
        "journal",
        "formats",
        "decoding",
        "calibration",
        "combining",
        "durations",
        "terms",
        "wand",
        "synthetic",
    ),
    (
        "bundles",
        "backups",
        "deletion",
        "leftovers",
        "command_actor",
        "scoring",
        "agreement",
        "board",
        "mask_scoring",
        "answer_scoring",
        "cues",
        "cases",
        "bundled",
        "store",
        "covered_photos",
    ),
    ("queues", "kept_cases", "disagreements"),
    (
        "agreement_sources",
        "agreement_command",
        "score_command",
        "queues_command",
        "readers_command",
        "backup_command",
        "restore_command",
        "audit_trail_command",
        "purge_command",
        "delete_command",
        "cue_model",
        "exports",
        "reports",
        "export_command",
        "import_command",
        "question_map",
    ),
    ("explanation", "evidence"),
    ("backends", "openvino_encoder", "checkpoints", "encoders", "photo_head", "attribution", "case_answerer"),
    ("compact_segmentation", "segmentation", "vqa", "feature_cache"),
    ("lesion_answers",),
    ("predictor",),
    ("batch",),
    ("predict_command", "backends_command"),
    ("ui",),
    ("__main__",),
)
WITHOUT_TORCH = {name for layer in LAYERS[:7] for name in layer}


def _modules(folder: str) -> list[Path]:
    return sorted((REPOSITORY / folder).rglob("*.py"))


def _imported(path: Path) -> set[str]:
    """Return every module named in an import anywhere in the file, imports inside functions included."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: imports are absolute"
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def _part(path: Path) -> str:
    """Return the module's name below magic_demo, ``ui`` for everything in ui/."""
    return path.relative_to(REPOSITORY / "magic_demo").with_suffix("").parts[0]


def _is_part(name: str) -> bool:
    place = REPOSITORY / "magic_demo" / name
    return place.with_suffix(".py").exists() or (place / "__init__.py").exists()


def _rank(part: str) -> int:
    return next(number for number, layer in enumerate(LAYERS) if part in layer)


def test_every_module_has_its_layer() -> None:
    known = {name for layer in LAYERS for name in layer} | {"__init__"}
    assert {_part(path) for path in _modules("magic_demo")} <= known


@pytest.mark.parametrize("path", _modules("magic_demo"), ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_a_module_imports_nothing_above_itself(path: Path) -> None:
    part = _part(path)
    if part == "__init__":
        return
    for name in _imported(path):
        assert not name.startswith(("training", "app", "tests")), f"{path.name} imports {name}"
        pieces = name.split(".")
        if pieces[0] == "magic_demo" and len(pieces) > 1 and _is_part(pieces[1]):
            assert _rank(pieces[1]) <= _rank(part), f"{part} imports {pieces[1]}, which lies above it"


@pytest.mark.parametrize("path", _modules("magic_demo"), ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_torch_stays_with_the_models_and_gradio_with_the_page(path: Path) -> None:
    tops = {name.split(".")[0] for name in _imported(path)}
    if _part(path) in WITHOUT_TORCH:
        assert not tops & TORCH
    if _part(path) != "ui":
        assert "gradio" not in tops


def test_training_imports_no_page() -> None:
    for path in _modules("training"):
        assert not any(name.startswith(("gradio", "magic_demo.page.build", "app")) for name in _imported(path)), path


def test_the_page_opens_without_what_it_does_not_show_at_once() -> None:
    late = ("torch", "transformers", "reportlab", "alembic")
    script = f"import sys, app; print([name for name in {late!r} if name in sys.modules])"
    said = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, check=True, capture_output=True, text=True)
    assert said.stdout.strip() == "[]"
