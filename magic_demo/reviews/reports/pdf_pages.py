"""The disagreement report as a PDF of two A4 pages, with its Chinese characters embedded."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from magic_demo.core.types import Language
from magic_demo.reviews.agreement import Measured
from magic_demo.reviews.reports import wording
from magic_demo.reviews.reports.contents import CaseDispute, DisagreementReport
from magic_demo.reviews.reports.html_page import encode_picture

CHINESE_FONT = Path(__file__).parent / "fonts" / "DroidSansFallback-GB2312.ttf"
CHINESE = "DroidSansFallback"
WIDTH, HEIGHT = A4
MARGIN = 40.0
INNER = WIDTH - 2 * MARGIN
CLOSING = "，。；：、！？）》」』】”’…·"
"""What no line begins with."""

Colour = tuple[float, float, float]
INK: Colour = (0.11, 0.145, 0.19)
GREY: Colour = (0.34, 0.38, 0.43)
LINE: Colour = (0.83, 0.86, 0.89)
BLUE: Colour = (0.12, 0.435, 0.545)
ORANGE: Colour = (0.75, 0.415, 0.11)
PALE: Colour = (0.945, 0.953, 0.96)


def render_pdf(report: DisagreementReport, language: Language) -> bytes:
    """Return the report as a PDF file."""
    stream = io.BytesIO()
    canvas = Canvas(stream, pagesize=A4, lang="zh-CN" if language == "zh" else "en")
    canvas.setTitle(wording.say("title", language))
    canvas.setCreator("Magic Demo")
    pen = _Pen(canvas)
    for number, draw in enumerate((_draw_first, _draw_second), start=1):
        draw(pen, report, language)
        pen.write(MARGIN, 26, wording.say("research", language), size=7.5, colour=GREY)
        pen.write(
            WIDTH - MARGIN,
            26,
            wording.say("page", language, page=number),
            size=7.5,
            colour=GREY,
            align="right",
        )
        canvas.showPage()
    canvas.save()
    return stream.getvalue()


class _Pen:
    """Writes text in points from the page's lower left corner: Latin in Helvetica, the rest in the Chinese
    font."""

    def __init__(self, canvas: Canvas) -> None:
        self.canvas = canvas
        self.known = _load_chinese_font()

    def write(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float = 9,
        bold: bool = False,
        colour: Colour = INK,
        align: str = "left",
    ) -> None:
        """Write one line with its baseline at ``y``."""
        left = x - self.measure(text, size, bold=bold) if align == "right" else x
        self.canvas.saveState()  # how a font's outline is drawn stays set from one text to the next
        self.canvas.setLineWidth(size * 0.03)
        line = self.canvas.beginText(left, y)
        line.setFillColorRGB(*colour)
        line.setStrokeColorRGB(*colour)
        for font, piece in self._pieces(text, bold=bold):
            line.setFont(font, size)
            # the font has one weight: its outline is drawn too
            line.setTextRenderMode(2 if bold and font == CHINESE else 0)
            line.textOut(piece)
        self.canvas.drawText(line)
        self.canvas.restoreState()

    def measure(self, text: str, size: float, *, bold: bool = False) -> float:
        """Return how wide a text is."""
        return sum(
            float(pdfmetrics.stringWidth(piece, font, size)) for font, piece in self._pieces(text, bold=bold)
        )

    def wrap(self, text: str, width: float, size: float, *, most: int = 99) -> list[str]:
        """Break a text into lines: between words, and anywhere between Chinese characters; beyond ``most``
        lines it ends in an ellipsis."""
        lines = [""]
        for unit in _units(text):
            if lines[-1] and self.measure(lines[-1] + unit.rstrip(), size) > width:
                lines.append(unit.lstrip())
            else:
                lines[-1] += unit
        if len(lines) > most:
            lines = lines[:most]
            while lines[-1] and self.measure(lines[-1] + "...", size) > width:
                lines[-1] = lines[-1][:-1]
            lines[-1] = lines[-1].rstrip() + "..."
        return [line.rstrip() for line in lines]

    def fit(self, text: str, width: float, size: float) -> str:
        """Shorten a text to one line."""
        return self.wrap(text, width, size, most=1)[0]

    def paragraph(
        self,
        x: float,
        y: float,
        text: str,
        width: float,
        *,
        size: float = 8,
        colour: Colour = GREY,
        most: int = 99,
    ) -> float:
        """Write a text in lines from ``y`` downwards; returns the baseline below it."""
        for line in self.wrap(text, width, size, most=most):
            self.write(x, y, line, size=size, colour=colour)
            y -= size * 1.38
        return y

    def box(self, x: float, y: float, width: float, height: float, colour: Colour) -> None:
        """Fill a rectangle."""
        self.canvas.setFillColorRGB(*colour)
        self.canvas.rect(x, y, width, height, stroke=0, fill=1)

    def rule(self, x: float, y: float, width: float, colour: Colour = LINE, thickness: float = 0.5) -> None:
        """Draw a horizontal line."""
        self.box(x, y, width, thickness, colour)

    def _pieces(self, text: str, *, bold: bool) -> Iterator[tuple[str, str]]:
        latin = "Helvetica-Bold" if bold else "Helvetica"
        held, font = "", latin
        for char in unicodedata.normalize("NFC", text):
            wanted, shown = latin, char
            if not _is_latin(char):
                wanted, shown = (CHINESE, char) if ord(char) in self.known else (latin, "?")
            if wanted != font and held:
                yield font, held
                held = ""
            held, font = held + shown, wanted
        if held:
            yield font, held


def _draw_first(pen: _Pen, report: DisagreementReport, language: Language) -> None:
    y = HEIGHT - 62
    pen.write(MARGIN, y, wording.say("title", language), size=20, bold=True)
    y = pen.paragraph(MARGIN, y - 18, wording.subtitle(report, language), INNER, size=9, most=2) - 12
    column = (INNER - 3 * 12) / 4
    for place, (number, what, more) in enumerate(wording.tiles(report, language)):
        x = MARGIN + place * (column + 12)
        pen.rule(x, y, column, BLUE, 2)
        pen.write(x, y - 26, number, size=20, bold=True)
        pen.paragraph(x, y - 40, what, column, size=9, colour=INK, most=1)
        pen.paragraph(x, y - 52, more, column, size=8, most=1)
    y -= 84
    pen.write(MARGIN, y, wording.say("families", language), size=12, bold=True)
    y = _draw_families(pen, report, language, y - 18)
    if report.names:
        y -= 16
        pen.write(MARGIN, y, wording.say("masks", language), size=12, bold=True)
        y = _draw_matrix(pen, report, language, y - 18)
    if report.differences:
        y -= 16
        pen.write(MARGIN, y, wording.say("differences", language), size=12, bold=True)
        y = _draw_differences(pen, report, language, y - 18)
    y -= 6
    for line in wording.remarks(report, language):
        if y > 40:
            y = pen.paragraph(MARGIN, y, line, INNER, most=2) - 2


CASE_HEIGHT = 244.0
"""From one row of cases to the next; three fit on the page."""
COLUMNS = (0.0, 96.0, 196.0, 290.0, 306.0, 406.0, 506.0)
"""Left edges in the table of families, from the margin: question, bar, kappa, n, bar, alpha, n."""


def _draw_families(pen: _Pen, report: DisagreementReport, language: Language, y: float) -> float:
    if not report.families:
        return pen.paragraph(MARGIN, y, wording.say("nothing", language), INNER, size=9)
    heads = ("family", "reader_and_model", "kappa", "compared", "reader_and_reader", "alpha", "compared")
    coefficients = wording.has_coefficients(report)
    for key, left in zip(heads, COLUMNS, strict=True):
        if key in ("kappa", "alpha") and not coefficients:
            continue
        right = key == "compared"
        pen.write(
            MARGIN + left + (6 if right else 0),
            y,
            wording.say(key, language),
            size=8,
            bold=True,
            colour=GREY,
            align="right" if right else "left",
        )
    pen.rule(MARGIN, y - 5, INNER, GREY, 0.6)
    y -= 18
    for family in report.families:
        pen.write(MARGIN, y, pen.fit(family.title[language], 92, 9), size=9)
        for start, (share, number, colour) in (
            (1, (family.with_model, family.kappa, BLUE)),
            (4, (family.among_readers, family.alpha, ORANGE)),
        ):
            _draw_share(pen, MARGIN + COLUMNS[start], y, share, colour, language)
            if coefficients:
                x = MARGIN + COLUMNS[start + 1]
                pen.write(x, y, wording.say_number(number, language), size=9)
                pen.write(x + 24, y, wording.say_interval(number), size=8, colour=GREY)
            if share is not None:
                pen.write(MARGIN + COLUMNS[start + 2] + 6, y, str(share.count), size=9, align="right")
        pen.rule(MARGIN, y - 5, INNER)
        y -= 18
    return pen.paragraph(MARGIN, y - 1, wording.family_note(report, language), INNER, size=8)


def _draw_share(
    pen: _Pen, x: float, y: float, share: Measured | None, colour: Colour, language: Language
) -> None:
    if share is not None:
        pen.box(x, y, 60, 7, (0.895, 0.915, 0.935))
        pen.box(x, y, 60 * share.value, 7, colour)
    pen.write(x + 66 if share is not None else x, y, wording.say_share(share, language), size=9)


def _draw_matrix(pen: _Pen, report: DisagreementReport, language: Language, y: float) -> float:
    shown = min(len(report.names), wording.MOST_NAMES)
    column = min(80.0, (INNER - 96) / shown)
    for place, name in enumerate(report.names[:shown]):
        pen.write(
            MARGIN + 96 + place * column,
            y,
            pen.fit(name[language], column - 6, 8),
            size=8,
            bold=True,
            colour=GREY,
        )
    pen.rule(MARGIN, y - 5, 96 + column * shown, GREY, 0.6)
    y -= 18
    for name, values in zip(report.names[:shown], report.dice.tolist(), strict=False):
        pen.write(MARGIN, y, pen.fit(name[language], 90, 9), size=9)
        for place, value in enumerate(values[:shown]):
            pen.write(MARGIN + 96 + place * column, y, wording.say_cell(value, language), size=9)
        pen.rule(MARGIN, y - 5, 96 + column * shown)
        y -= 17
    return pen.paragraph(MARGIN, y - 1, wording.say("masks_note", language), INNER, size=8)


def _draw_differences(pen: _Pen, report: DisagreementReport, language: Language, y: float) -> float:
    lefts = (0.0, 96.0, 290.0)
    for key, left in zip(("family", "model_said", "readers_said"), lefts, strict=True):
        pen.write(MARGIN + left, y, wording.say(key, language), size=8, bold=True, colour=GREY)
    pen.write(
        WIDTH - MARGIN, y, wording.say("times", language), size=8, bold=True, colour=GREY, align="right"
    )
    pen.rule(MARGIN, y - 5, INNER, GREY, 0.6)
    for entry in wording.common_differences(report):
        y -= 17
        for words, left, width in zip(
            (entry.title, entry.model, entry.readers), lefts, (90.0, 188.0, 190.0), strict=True
        ):
            pen.write(MARGIN + left, y, pen.fit(words[language], width, 9), size=9)
        pen.write(WIDTH - MARGIN, y, str(entry.times), size=9, align="right")
        pen.rule(MARGIN, y - 5, INNER)
    return y - 16


def _draw_second(pen: _Pen, report: DisagreementReport, language: Language) -> None:
    y = HEIGHT - 56
    pen.write(MARGIN, y, wording.say("disputed", language), size=12, bold=True)
    _draw_legend(pen, report, language, y - 18)
    if not report.disputed:
        pen.paragraph(MARGIN, y - 42, wording.say("no_disputed", language), INNER, size=9)
        return
    column, gap = (INNER - 18) / 2, 18.0
    for place, case in enumerate(report.disputed[:6]):
        _draw_case(
            pen,
            case,
            language,
            MARGIN + place % 2 * (column + gap),
            y - 32 - place // 2 * CASE_HEIGHT,
            column,
        )


def _draw_legend(pen: _Pen, report: DisagreementReport, language: Language, y: float) -> None:
    x = MARGIN
    for entry in report.legend:
        name = entry.name[language]
        tag = pen.measure(entry.tag, 8, bold=True) + 8
        if x + tag + 8 + pen.measure(name, 8.5) > WIDTH - MARGIN:
            pen.write(x, y, "...", size=8.5, colour=GREY)
            return
        pen.box(x, y - 3, tag, 11, INK)
        red, green, blue = (value / 255 for value in entry.rgb)
        pen.write(x + 4, y, entry.tag, size=8, bold=True, colour=(red, green, blue))
        pen.write(x + tag + 5, y, name, size=8.5, colour=GREY)
        x += tag + 5 + pen.measure(name, 8.5) + 16


def _draw_case(pen: _Pen, case: CaseDispute, language: Language, x: float, top: float, width: float) -> None:
    room = 126.0
    pen.box(x, top - room, width, room, PALE)
    if case.picture is not None:
        scale = min(width / case.picture.shape[1], room / case.picture.shape[0])
        wide, high = case.picture.shape[1] * scale, case.picture.shape[0] * scale
        picture = ImageReader(io.BytesIO(encode_picture(case.picture)))
        pen.canvas.drawImage(picture, x + (width - wide) / 2, top - room + (room - high) / 2, wide, high)
    else:
        pen.write(x + 8, top - room / 2, wording.say("no_picture", language), size=8, colour=GREY)
    y = top - room - 13
    pen.write(x, y, pen.fit(case.case_id, width, 9.5), size=9.5, bold=True)
    y -= 12
    dice = wording.dice_line(case, language)
    if dice:
        y = pen.paragraph(x, y, dice, width, size=8, most=1)
    lines = wording.dispute_lines(case, language)
    for place, (family, answers) in enumerate(lines):
        if not family:
            pen.paragraph(x, y, answers, width, size=8, most=1)
            continue
        title = pen.measure(family + "  ", 8.3, bold=True)
        pen.write(x, y, family, size=8.3, bold=True)
        # A second line only where those that follow still have room above the next row.
        spare = y - (top - CASE_HEIGHT + 12) - 11.6 * (len(lines) - place - 1)
        first, *rest = pen.wrap(answers, width - title, 8.3, most=2 if spare >= 10.6 else 1)
        pen.write(x + title, y, first, size=8.3)
        for line in rest:
            y -= 10.6
            pen.write(x + title, y, line, size=8.3)
        y -= 11.6


def _units(text: str) -> Iterator[str]:
    """Yield what stays together: a word with the spaces behind it, or one Chinese character with the
    punctuation behind it."""
    held = ""
    for char in text:
        closes = char in CLOSING
        if (
            held
            and not closes
            and (not _is_latin(char) or not _is_latin(held[-1]) or (held[-1] == " " and char != " "))
        ):
            yield held
            held = ""
        held += char
    if held:
        yield held


def _is_latin(char: str) -> bool:
    """Tell whether a PDF's built-in Helvetica has the character."""
    try:
        return char.isprintable() and len(char.encode("cp1252")) == 1
    except UnicodeEncodeError:
        return False


@lru_cache(maxsize=1)
def _load_chinese_font() -> frozenset[int]:
    """Register the font and return the characters that it has."""
    font = TTFont(CHINESE, CHINESE_FONT)
    pdfmetrics.registerFont(font)
    known: Sequence[int] = list(font.face.charToGlyph)
    return frozenset(known)
