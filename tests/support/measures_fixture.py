"""Small photos with masks and what measure.py says of them, on which the viewer's JavaScript is tested:
``python -m tests.support.measures_fixture``."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from magic_demo.imaging import measure
from magic_demo.imaging.measure import COMBINATION, measure_photo
from magic_demo.page.panels.viewer.mask_form import write_runs

FILE = Path(__file__).resolve().parents[1] / "js" / "viewer" / "measures.json"
SKINS = {"light": (228, 190, 170), "tan": (176, 130, 98), "dark": (92, 62, 48)}
LESIONS = {
    "red": (0.95, 0.62, 0.62),
    "brown": (0.55, 0.45, 0.40),
    "white": (1.12, 1.18, 1.25),
    "black": (0.22, 0.22, 0.25),
}


def draw_cases() -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Return (name, (H, W, 3) uint8, (H, W) bool) of lesions of every kind, of two colours, several, none,
    specks, at the rim, everywhere."""
    random = np.random.default_rng(11)
    cases = []
    for skin, base in SKINS.items():
        for lesion, factor in LESIONS.items():
            mask = np.zeros((42, 56), np.uint8)
            cv2.ellipse(mask, (27, 20), (14, 9), 30, 0, 360, 1, -1)
            cases.append((f"{lesion} on {skin}", _paint(random, base, factor, mask), mask > 0))
    several = np.zeros((42, 56), np.uint8)
    for x, y, radius in ((10, 10, 5), (36, 14, 6), (20, 33, 4), (50, 36, 1), (40, 33, 3)):
        cv2.circle(several, (x, y), radius, 1, -1)
    several[3, 50] = 1
    cases.append(("several and specks", _paint(random, SKINS["light"], LESIONS["red"], several), several > 0))
    halves = np.zeros((42, 56), np.uint8)
    cv2.circle(halves, (28, 21), 13, 1, -1)
    mixed = _paint(random, SKINS["light"], LESIONS["black"], halves)
    mixed[:, 28:] = _paint(random, SKINS["light"], LESIONS["white"], halves)[:, 28:]
    cases.append(("two colours", mixed, halves > 0))
    third = mixed.copy()
    third[:, 24:32] = _paint(random, SKINS["light"], LESIONS["red"], halves)[:, 24:32]
    cases.append(("three colours", third, halves > 0))
    rim = np.zeros((40, 50), np.uint8)
    rim[:12, :30] = 1
    cases.append(("at the rim", _paint(random, SKINS["tan"], LESIONS["brown"], rim), rim > 0))
    for name, least in (("half on a sheet", 28), ("on a sheet", 0)):
        sheet = np.zeros((42, 56), np.uint8)
        cv2.circle(sheet, (28, 21), 8, 1, -1)
        pixels = _paint(random, SKINS["tan"], LESIONS["brown"], sheet)
        beyond = sheet == 0
        beyond[:, :least] = False
        pixels[beyond] = (60, 120, 170)
        cases.append((name, pixels, sheet > 0))
    plain = _paint(random, SKINS["tan"], LESIONS["brown"], np.zeros((40, 50), np.uint8))
    cases.append(("none", plain, np.zeros((40, 50), bool)))
    cases.append(("everywhere", plain, np.ones((40, 50), bool)))
    return cases


def _paint(
    random: np.random.Generator, base: tuple[int, ...], factor: tuple[float, ...], mask: np.ndarray
) -> np.ndarray:
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 0.8)[..., None]
    colours = np.asarray(base, np.float32) * (1 - soft + soft * np.asarray(factor, np.float32))
    return np.asarray(np.clip(colours + random.normal(0, 4, (*mask.shape, 3)), 0, 255), dtype=np.uint8)


def describe_definitions() -> dict[str, Any]:
    """Return the numbers that both measure by."""
    names = (
        "LONGEST_SIDE",
        "SPECK_OF_PHOTO",
        "SPECK_OF_LARGEST",
        "BORDER_BAND",
        "RING",
        "MOST_SAMPLES",
        "CLUSTERS",
        "LEAST_CLUSTER",
        "COMBINED_BELOW",
        "LEAST_COMBINED",
        "LEAST_SKIN_AROUND",
        "LEAST_SKIN_OF_PHOTO",
    )
    return {
        **{name: getattr(measure, name) for name in names},
        "REFERENCE_SKIN": list(measure.REFERENCE_SKIN),
        "COLOURS": {name: list(place) for name, place in measure.COLOURS.items()},
        "SHADES": [list(shade) for shade in measure.SHADES],
        "TONES": [list(tone) for tone in measure.TONES],
        **{name: list(getattr(measure, name)) for name in ("SKIN_LIGHTNESS", "SKIN_CHROMA", "SKIN_HUE")},
    }


def describe_cases() -> list[dict[str, Any]]:
    """Return the photos, the masks and what is said of them."""
    described = []
    for name, pixels, mask in draw_cases():
        found = measure_photo(pixels, mask)
        described.append(
            {
                "name": name,
                **write_runs(mask),
                "rgb": base64.b64encode(np.ascontiguousarray(pixels).tobytes()).decode("ascii"),
                "count": found.count,
                "area_share": round(found.area_share, 6),
                "colour": "combination" if found.dominant_colour == COMBINATION else found.dominant_colour,
                "tone": None
                if found.skin_tone is None
                else {"angle": round(found.skin_tone.angle, 3), "group": found.skin_tone.group},
            }
        )
    return described


def write_file(path: Path) -> None:
    """Write definitions and cases, one a line."""
    lines = [json.dumps(describe_definitions()), *map(json.dumps, describe_cases())]
    path.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")


if __name__ == "__main__":
    write_file(FILE)
