"""The English templates of every error and line of the product, read off its source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
ROOTS = {"MagicDemoError", "Message"}
"""What is made of a template and values; classes that are made of one of these too."""
TEMPLATE_SECOND = {"ApiError", "BoardError", "RefusedError"}
"""Classes whose template is the second argument."""


@dataclass(frozen=True)
class Said:
    """An error or a line that is made somewhere. template: None where it is no literal; finished: whether it
    has no values."""

    place: str
    template: str | None
    names: frozenset[str]
    source: str

    @property
    def finished(self) -> bool:
        """Return whether it has no values: then its template is the line itself."""
        return not self.names


def list_sources(package: str) -> list[Path]:
    """Return the modules of a package of the repository, tests left out."""
    return sorted((REPOSITORY / package).rglob("*.py"))


@cache
def _trees() -> dict[Path, ast.Module]:
    return {
        path: ast.parse(path.read_text(encoding="utf-8"))
        for package in ("magic_demo", "training")
        for path in list_sources(package)
    }


@cache
def list_classes() -> frozenset[str]:
    """Return the names of everything that is made of a template: messages, and errors for a user."""
    bases = {
        node.name: {base.id for base in node.bases if isinstance(base, ast.Name)}
        for tree in _trees().values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    found, before = set(ROOTS), 0
    while len(found) > before:
        before = len(found)
        found |= {name for name, own in bases.items() if own & found}
    return frozenset(found)


@cache
def list_said(package: str) -> tuple[Said, ...]:
    """Return every error and line that a package (a folder of the repository) makes."""
    return tuple(said for path in list_sources(package) for said in _list_said_in(path))


def _list_said_in(path: Path) -> Iterator[Said]:
    for node in ast.walk(_trees()[path]):
        name = getattr(node.func, "id", getattr(node.func, "attr", "")) if isinstance(node, ast.Call) else ""
        if not isinstance(node, ast.Call) or name not in list_classes():
            continue
        place = f"{path.relative_to(REPOSITORY).as_posix()}:{node.lineno}"
        argument = node.args[1] if name in TEMPLATE_SECOND else node.args[0] if node.args else None
        names = frozenset(keyword.arg or "**" for keyword in node.keywords)
        template = argument.value if isinstance(argument, ast.Constant) else None
        yield Said(
            place, template if isinstance(template, str) else None, names, ast.unparse(argument or node)
        )
