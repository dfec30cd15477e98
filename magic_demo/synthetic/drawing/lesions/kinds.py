"""The kinds of lesions: what each adds to the layers of the skin."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from magic_demo.synthetic.drawing.lesions.layers import Patch
from magic_demo.synthetic.drawing.noise import Field, smooth_step


def _tint(patch: Patch, amount: Field) -> None:
    """Colour the lesion as its ``colour`` says, by ``amount`` 0..1."""
    amount = amount * np.float32(patch.lesion.strength)
    mixed = patch.noise(2.5, 2)
    for name, weight in TINTS[patch.lesion.colour].items():
        patch.add(name, amount * np.float32(weight))
    if patch.lesion.colour == "combination (please specify)":
        patch.add("melanin", amount * smooth_step(-0.2, 1.0, mixed) * np.float32(0.7))


def _dome(patch: Patch, millimetres: float, plateau: float, *, steep: float = 0.25) -> None:
    """Raise the lesion by ``millimetres``, flat above ``plateau`` (in radii from the border); ``steep`` 1 is
    a ball's edge, 0 a gentle one."""
    rise = np.clip((patch.inside + np.float32(0.04)) / np.float32(plateau), 0, 1)
    rise = np.float32(1 - steep) * smooth_step(0.0, 1.0, rise) + np.float32(steep) * rise * (2 - rise)
    patch.add("height", rise * np.float32(min(millimetres * patch.scale, 0.5 * patch.lesion.radius)))


def _halo(patch: Patch, amount: float, width: float) -> None:
    """Redden the skin around the lesion, fading over ``width`` radii."""
    ring = np.exp(-np.square(np.minimum(patch.inside, 0) / np.float32(width))) * (
        1 + np.float32(0.3) * patch.noise(3, 2)
    )
    patch.add("blood", np.clip(ring, 0, None) * np.float32(amount * patch.lesion.strength))


def _scale(patch: Patch, amount: float, level: float = 0.3) -> None:
    """Lay a thin dull film and strew silvery flakes on it; ``level`` is how much noise it takes (lower: more
    of the surface)."""
    cell = float(np.clip(1.1 * patch.scale, 2.5, max(2.5, patch.lesion.radius / 3)))
    plates = (
        np.float32(0.8) * patch.grain(cell)
        + np.float32(0.6) * patch.grain(cell / 2.3)
        + np.float32(0.9) * patch.noise(5, 3)
    )
    within = smooth_step(0.0, 0.3, patch.inside + np.float32(0.08) * patch.noise(8, 2))
    flakes = smooth_step(level, level + 1.5, plates) * within
    bright = np.clip(np.float32(0.72) + np.float32(0.2) * patch.grain(cell / 1.5), 0.2, 1.0)
    film = within * np.clip(np.float32(0.16) + np.float32(0.07) * plates, 0, 0.4)
    patch.add("flake", (flakes * bright * np.float32(0.85) + film) * np.float32(amount))
    patch.add("height", (flakes * bright + film) * np.float32(min(2.6, 0.14 * patch.scale + 0.8)))


def _crusts(patch: Patch, name: str, amount: float, level: float) -> None:
    """Lay crust or scab in lumps, thin at their rims, broken and bumpy."""
    fine = patch.grain(max(2.0, 0.6 * patch.scale))
    lumps = (
        patch.noise(3.5, 3)
        + np.float32(0.3) * fine
        + np.float32(0.2) * patch.grain(max(1.5, 0.25 * patch.scale))
    )
    crust = smooth_step(level, level + 1.3, lumps) * smooth_step(-0.02, 0.25, patch.inside)
    worn = np.clip(np.float32(0.8) + np.float32(0.22) * fine + np.float32(0.12) * patch.grain(1.5), 0.15, 1.0)
    patch.add(name, crust * worn * np.float32(amount))
    patch.add("dark", crust * np.clip(np.float32(0.15) - np.float32(0.2) * fine, 0, 1))
    patch.add(
        "height",
        crust
        * np.clip(1 + np.float32(0.45) * fine, 0, None)
        * np.float32(min(0.5 * patch.scale, 0.15 * patch.lesion.radius)),
    )


def _naevus(patch: Patch) -> None:
    mesh = np.abs(patch.grain(min(0.45 * patch.scale, patch.lesion.radius / 5)))
    inner = np.clip(
        np.float32(0.75) + np.float32(0.22) * patch.noise(3, 3) + np.float32(0.25) * patch.inside, 0.25, None
    )
    _tint(patch, patch.cover * inner * (np.float32(1.1) - np.float32(0.22) * np.clip(mesh, 0, 1.5)))
    if patch.lesion.seed % 2:
        _dome(patch, 0.8, 0.9, steep=0.0)


def _macule(patch: Patch) -> None:
    _tint(patch, patch.cover * np.clip(np.float32(0.8) + np.float32(0.18) * patch.noise(4, 3), 0.2, None))


def _patch(patch: Patch) -> None:
    if patch.lesion.colour in ("white", "hypopigmentation"):
        wide = smooth_step(-0.1, 0.1, patch.inside + np.float32(0.05) * patch.noise(9, 3))
        islands = (
            smooth_step(1.5, 2.2, patch.noise(7, 2)) if patch.lesion.seed % 3 == 0 else np.zeros_like(wide)
        )
        _tint(
            patch,
            wide
            * (1 - np.float32(0.8) * islands)
            * np.clip(np.float32(0.92) + np.float32(0.06) * patch.noise(5, 2), 0, 1),
        )
        return
    wide = smooth_step(-0.22, 0.22, patch.inside + np.float32(0.1) * patch.noise(6, 3))
    _tint(
        patch,
        wide
        * np.clip(
            np.float32(0.8)
            + np.float32(0.2) * patch.noise(5, 3)
            + np.float32(0.07) * patch.grain(0.7 * patch.scale),
            0.15,
            None,
        ),
    )


def _plaque(patch: Patch) -> None:
    fine = np.float32(0.08) * patch.grain(0.8 * patch.scale)
    _tint(
        patch,
        patch.cover * np.clip(np.float32(0.85) + np.float32(0.18) * patch.noise(5, 3) + fine, 0.2, None),
    )
    _dome(patch, 0.6, 0.22)
    patch.add(
        "height",
        patch.cover * patch.grain(max(2.0, 0.9 * patch.scale)) * np.float32(min(0.08 * patch.scale, 0.8)),
    )
    _scale(patch, 0.95, patch.rng.uniform(-0.3, 0.9))
    _halo(patch, 0.12, 0.14)


def _papule(patch: Patch) -> None:
    peak = np.clip(
        np.float32(0.45) + np.float32(0.75) * patch.inside + np.float32(0.12) * patch.noise(3, 2), 0.1, None
    )
    _tint(patch, patch.cover * peak * np.float32(patch.rng.uniform(0.75, 1.15)))
    _dome(patch, 0.9, 0.95, steep=0.1)
    if patch.lesion.colour in ("red", "pink"):
        _halo(patch, float(patch.rng.uniform(0.1, 0.4)), 0.6)
        top = smooth_step(0.62, 0.85, patch.inside)
        if patch.rng.random() < 0.15:
            patch.add("scab", top * np.float32(0.6))
        elif patch.rng.random() < 0.15:
            patch.add("flake", top * np.float32(0.55))
    else:
        dimple = smooth_step(0.68, 0.9, patch.inside)
        patch.add("height", -dimple * np.float32(0.1 * patch.lesion.radius))
        patch.add("flake", smooth_step(0.2, 0.8, patch.inside) * np.float32(0.12))


def _nodule(patch: Patch) -> None:
    _tint(
        patch,
        patch.cover
        * np.clip(
            np.float32(0.75) + np.float32(0.15) * patch.noise(3, 2) + np.float32(0.2) * patch.inside,
            0.1,
            None,
        ),
    )
    _dome(patch, 6.0, 1.0, steep=0.6)
    patch.add("wet", patch.cover * np.float32(0.35))


def _ulcer(patch: Patch) -> None:
    fine = patch.grain(max(2.0, 0.8 * patch.scale))
    floor = smooth_step(0.08, 0.34, patch.inside + np.float32(0.06) * patch.noise(7, 2))
    _tint(patch, patch.cover * np.clip(np.float32(0.8) + np.float32(0.2) * patch.noise(4, 2), 0, None))
    patch.add(
        "blood",
        floor
        * np.clip(
            np.float32(0.95) + np.float32(0.3) * patch.noise(5, 3) + np.float32(0.18) * fine, 0.1, None
        ),
    )
    patch.add("dark", floor * np.clip(np.float32(0.22) + np.float32(0.2) * patch.noise(3, 2), 0, None))
    patch.add("height", -floor * np.float32(min(1.6 * patch.scale, 0.16 * patch.lesion.radius)))
    patch.add("height", floor * fine * np.float32(min(0.12 * patch.scale, 1.4)))
    rim = np.exp(-np.square((patch.inside - np.float32(0.08)) / np.float32(0.12)))
    patch.add("height", rim * np.float32(min(0.6 * patch.scale, 0.07 * patch.lesion.radius)))
    patch.add("wet", floor * np.clip(np.float32(0.45) + np.float32(0.3) * patch.noise(4, 2), 0, 1))
    slough = smooth_step(0.1, 1.9, patch.noise(4, 3) + np.float32(0.25) * fine) * floor
    patch.add("slough", slough * np.clip(np.float32(0.75) + np.float32(0.15) * fine, 0, 1))
    _crusts(patch, "scab", 0.9, 0.5)
    _halo(patch, 0.4, 0.45)


def _scabbed(patch: Patch) -> None:
    _tint(patch, patch.cover * np.float32(0.7))
    _crusts(patch, "scab", 0.9, -0.3)
    _halo(patch, 0.25, 0.5)


def _crusted(patch: Patch) -> None:
    _tint(patch, patch.cover * np.float32(0.8))
    _crusts(patch, "honey", 0.9, -0.2)
    patch.add("wet", patch.cover * smooth_step(0.1, 0.9, patch.noise(4, 2)) * np.float32(0.7))
    _halo(patch, 0.28, 0.4)


def _ring(patch: Patch) -> None:
    rim = np.exp(-np.square((patch.inside - np.float32(0.17)) / np.float32(0.15)))
    broken = np.clip(np.float32(0.85) + np.float32(0.25) * patch.noise(5, 3), 0.1, None)
    _tint(patch, (rim * broken + patch.cover * np.float32(0.22)) * patch.cover)
    patch.add("height", rim * np.float32(min(0.7 * patch.scale, 0.06 * patch.lesion.radius)))
    grains = patch.grain(max(2.0, 0.8 * patch.scale)) + np.float32(0.5) * patch.grain(
        max(1.5, 0.35 * patch.scale)
    )
    flakes = smooth_step(-0.2, 2.4, grains + patch.noise(6, 2)) * smooth_step(0.1, 0.9, rim)
    patch.add("flake", flakes * np.float32(0.75) + patch.cover * np.float32(0.06))


def _vesicle(patch: Patch) -> None:
    _tint(patch, np.exp(-np.square(np.minimum(patch.inside, 0) / np.float32(0.5))) * np.float32(0.75))
    patch.add("flake", patch.cover * np.float32(0.2))
    patch.add("bile", patch.cover * np.float32(0.25))
    _dome(patch, 1.6, 0.9, steep=0.6)
    patch.add("wet", patch.cover * np.float32(1.0))


def _bruise(patch: Patch) -> None:
    wide = smooth_step(-0.3, 0.35, patch.inside + np.float32(0.14) * patch.noise(5, 3))
    _tint(patch, wide * np.clip(np.float32(0.75) + np.float32(0.3) * patch.noise(4, 3), 0.1, None))
    rim = np.exp(-np.square((patch.inside + np.float32(0.08)) / np.float32(0.2)))
    patch.add("bile", rim * np.float32(0.5 if patch.lesion.seed % 3 else 0.1))


def _wart(patch: Patch) -> None:
    cell = float(np.clip(0.8 * patch.scale, 2.0, patch.lesion.radius / 3))
    fingers = np.abs(patch.grain(cell)) * np.float32(0.7) + np.abs(patch.noise(6)) * np.float32(0.5)
    _tint(patch, patch.cover * np.float32(0.8))
    patch.add("bile", patch.cover * np.float32(0.15))
    patch.add("flake", patch.cover * np.clip(fingers, 0, 1) * np.float32(0.2))
    _dome(patch, 2.0, 0.4)
    patch.add(
        "height", fingers * patch.cover * np.float32(min(0.5 * patch.scale, 0.12 * patch.lesion.radius))
    )
    dots = smooth_step(2.0, 2.4, patch.grain(0.4 * patch.scale)) * smooth_step(0.1, 0.3, patch.inside)
    patch.add("scab", dots * np.float32(0.8))


def _wheal(patch: Patch) -> None:
    wide = smooth_step(-0.2, 0.2, patch.inside)
    _tint(
        patch,
        wide
        * np.clip(
            np.float32(0.9) - np.float32(0.3) * patch.inside + np.float32(0.12) * patch.noise(4, 2), 0.1, None
        ),
    )
    _dome(patch, 0.8, 0.45, steep=0.0)
    _halo(patch, 0.2, 0.4)


def _eczema(patch: Patch) -> None:
    wide = smooth_step(-0.3, 0.3, patch.inside + np.float32(0.2) * patch.noise(7, 3))
    speckle = smooth_step(0.5, 1.4, patch.grain(1.2 * patch.scale)) * wide
    _tint(
        patch,
        wide * np.clip(np.float32(0.65) + np.float32(0.25) * patch.noise(6, 3), 0.1, None)
        + speckle * np.float32(0.3),
    )
    patch.add("height", speckle * np.float32(min(0.35 * patch.scale, 3.0)))
    patch.add("height", wide * patch.grain(0.9 * patch.scale) * np.float32(min(0.1 * patch.scale, 0.8)))
    flakes = patch.grain(max(2.0, 0.8 * patch.scale)) + np.float32(0.5) * patch.grain(1.5) + patch.noise(5, 2)
    patch.add("flake", smooth_step(0.3, 3.0, flakes) * wide * np.float32(0.7))


KINDS: dict[str, Callable[[Patch], None]] = {
    "naevus": _naevus,
    "macule": _macule,
    "patch": _patch,
    "plaque": _plaque,
    "papule": _papule,
    "nodule": _nodule,
    "ulcer": _ulcer,
    "scab": _scabbed,
    "crust": _crusted,
    "ring": _ring,
    "vesicle": _vesicle,
    "bruise": _bruise,
    "wart": _wart,
    "wheal": _wheal,
    "eczema": _eczema,
}
HALOED = ("papule", "ulcer", "scab", "crust", "vesicle", "bruise", "wheal")
EDGES = {
    "patch": 0.2,
    "bruise": 0.3,
    "eczema": 0.3,
    "naevus": 0.16,
    "macule": 0.16,
    "papule": 0.4,
    "wheal": 0.25,
    "plaque": 0.09,
    "ulcer": 0.12,
    "scab": 0.2,
    "crust": 0.2,
    "vesicle": 0.15,
    "wart": 0.12,
}

TINTS: dict[str, dict[str, float]] = {
    "normal skin color": {"blood": 0.05},
    "pink": {"blood": 0.36},
    "red": {"blood": 0.95},
    "brown": {"melanin": 1.6, "blood": 0.1},
    "blue": {"blue": 1.0, "dark": 0.25},
    "purple": {"dusk": 1.2},
    "black": {"dark": 2.1, "melanin": 0.8},
    "white": {"pale": 0.9},
    "combination (please specify)": {"blood": 0.55, "melanin": 0.35},
    "hyperpigmentation": {"melanin": 0.75},
    "hypopigmentation": {"pale": 0.6},
}
"""How much of which layer makes a colour of CQID034."""
