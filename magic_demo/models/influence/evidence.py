"""What was measured in the photos of what a family of questions asks about, in short lines for a reader."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from magic_demo.core.plural import count
from magic_demo.core.types import Encounter, Language, Prediction
from magic_demo.imaging.measure import COMBINED_BELOW, LONGEST_SIDE, SHADES, LesionMeasures, measure_photo
from magic_demo.imaging.overlay import lesion_mask
from magic_demo.imaging.pieces import NOTCHED_FROM
from magic_demo.imaging.resize import resize_pixels
from magic_demo.questions.families import load_challenge

SHARP_FROM, FADED_BELOW = 0.7, 0.4
"""Sharpness from which a border is called well defined, and below which it is said to fade."""
COARSE_FROM, FINE_BELOW = 1.25, 0.8
"""Fine detail, relative to the skin around, from which a surface is called coarser, and below which smoother."""
EVEN_FROM = 0.85
"""Share of the lesion from which one colour is called even."""

Lines = list[str]


def measure_lesions(encounter: Encounter, prediction: Prediction) -> tuple[LesionMeasures, ...]:
    """Measure the photos under the lesion that the prediction found in them; photos without a map are left
    out."""
    pixels = {photo.photo_id: photo.pixels for photo in encounter.photos}
    measures = []
    for found in prediction.photos:
        if found.photo_id in pixels:
            # what the measuring would shrink the photo and its mask to
            scale = min(1.0, LONGEST_SIDE / max(found.size))
            size = (max(1, round(found.size[0] * scale)), max(1, round(found.size[1] * scale)))
            mask = lesion_mask(found.probability, size, prediction.threshold)
            measures.append(measure_photo(resize_pixels(pixels[found.photo_id], size), mask))
    return tuple(measures)


def list_evidence(family_id: str, measures: Sequence[LesionMeasures], language: Language) -> tuple[str, ...]:
    """Return lines of what was measured, photo by photo in their order, for the families that it informs;
    none for the others."""
    say = SAYINGS.get(family_id)
    if say is None:
        return ()
    lines: Lines = []
    for number, measured in enumerate(measures, start=1):
        prefix = "" if len(measures) == 1 else f"Photo {number}: " if language == "en" else f"照片 {number}："
        told = (
            say(measured, language)
            if measured.found
            else ["no lesion found" if language == "en" else "未找到皮损"]
        )
        lines.extend(prefix + line for line in told)
    if family_id == "CQID012" and any(measured.found for measured in measures):
        lines.append(
            "A photo has no scale: these are shares of the photo, not of the body"
            if language == "en"
            else "照片没有比例尺：以上为占照片的比例，不是占身体的比例"
        )
    return tuple(lines)


def _say_extent(measured: LesionMeasures, language: Language) -> Lines:
    area = _percent(measured.area_share)
    if language == "zh":
        return [f"{measured.count} 处勾画区，占照片的 {area}"]
    return [f"{count(measured.count, 'outlined area', 'outlined areas')}, {area} of the photo"]


def _say_size(measured: LesionMeasures, language: Language) -> Lines:
    largest = _percent(measured.area_share * measured.largest_share)
    lines = [
        f"largest outlined area: {largest} of the photo"
        if language == "en"
        else f"最大的勾画区占照片的 {largest}"
    ]
    if measured.touches_rim:
        lines.append(
            "a lesion goes on beyond the photo's rim" if language == "en" else "皮损延伸到照片边缘之外"
        )
    return lines


def _say_count(measured: LesionMeasures, language: Language) -> Lines:
    if language == "zh":
        return [
            f"{measured.count} 处分开的勾画区"
            + (f"，最大一处占其面积的 {_percent(measured.largest_share)}" if measured.count > 1 else "")
        ]
    largest = (
        f", the largest has {_percent(measured.largest_share)} of their area" if measured.count > 1 else ""
    )
    return [f"{count(measured.count, 'separate outlined area', 'separate outlined areas')}{largest}"]


def _say_colours(measured: LesionMeasures, language: Language) -> Lines:
    lines = []
    if measured.colours:
        shares = [
            (_name_option("CQID034", colour.name, language), _percent(colour.share))
            for colour in measured.colours
        ]
        lines.append(
            ", ".join(f"{name} {share}" for name, share in shares)
            if language == "en"
            else "，".join(f"{name} {share}" for name, share in shares)
        )
        lines.append(_say_evenness(measured, language))
    return lines


def _say_evenness(measured: LesionMeasures, language: Language) -> str:
    shades = [sum(colour.share for colour in measured.colours if colour.name in shade) for shade in SHADES]
    if measured.colours[0].share >= EVEN_FROM:
        return "even colour" if language == "en" else "颜色均匀"
    if max(shades) < COMBINED_BELOW:
        return "uneven colour, none prevails" if language == "en" else "颜色不均匀，没有占主导的颜色"
    return "uneven colour" if language == "en" else "颜色不均匀"


def _say_surface(measured: LesionMeasures, language: Language) -> Lines:
    border = ("partly well defined", "部分清晰")
    if measured.sharpness >= SHARP_FROM:
        border = ("well defined", "清晰")
    elif measured.sharpness < FADED_BELOW:
        border = ("fading into the skin", "逐渐过渡到皮肤")
    shape = ("irregular", "不规则") if measured.irregularity >= NOTCHED_FROM else ("regular", "规整")
    surface = ("as even as the skin around", "与周围皮肤一样均匀")
    if measured.roughness >= COARSE_FROM:
        surface = ("coarser than the skin around", "比周围皮肤粗糙")
    elif measured.roughness < FINE_BELOW:
        surface = ("smoother than the skin around", "比周围皮肤光滑")
    if language == "en":
        return [f"border: {border[0]}, {shape[0]} outline", f"surface: {surface[0]}"]
    return [f"边界：{border[1]}，轮廓{shape[1]}", f"表面：{surface[1]}"]


SAYINGS: dict[str, Callable[[LesionMeasures, Language], Lines]] = {
    "CQID010": _say_extent,
    "CQID012": _say_size,
    "CQID020": _say_surface,
    "CQID034": _say_colours,
    "CQID035": _say_count,
}


def _percent(share: float) -> str:
    return "<1%" if share < 0.01 else f"{share:.0%}"


def _name_option(family_id: str, name: str, language: Language) -> str:
    family = load_challenge().family(family_id)
    return family.options[language][[option.strip().lower() for option in family.options["en"]].index(name)]
