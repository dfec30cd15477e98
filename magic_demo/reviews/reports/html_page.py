"""The disagreement report as one HTML file: nothing loaded from elsewhere, two A4 pages when printed."""

from __future__ import annotations

import base64
import io
from html import escape

from PIL import Image

from magic_demo.core.types import Language, Pixels
from magic_demo.reviews.agreement import Measured
from magic_demo.reviews.reports import wording
from magic_demo.reviews.reports.contents import CaseDispute, DisagreementReport

STYLE = """
@page { size: A4; margin: 12mm 14mm; }
* { box-sizing: border-box; }
body { margin: 0; background: #e9ebee; color: #1c2530; font: 10.5pt/1.4 "Helvetica Neue", Helvetica, Arial, "PingFang SC", "Microsoft YaHei",
  "Noto Sans CJK SC", sans-serif; }
section { width: 210mm; min-height: 297mm; margin: 8mm auto; padding: 14mm; background: #fff; position: relative; }
h1 { font-size: 20pt; line-height: 1.2; margin: 0 0 1mm; letter-spacing: -.01em; }
h2 { font-size: 12pt; margin: 5mm 0 1.5mm; }
p { margin: 0 0 1.5mm; }
.sub, .small, footer { color: #56616e; font-size: 9pt; }
.tiles { display: grid; grid-template-columns: repeat(4, 1fr); gap: 3mm; margin-top: 5mm; font-size: 9.5pt; }
.tile { border-top: .8mm solid #1f6f8b; padding-top: 1.5mm; }
.tile b { display: block; font-size: 20pt; line-height: 1.15; font-variant-numeric: tabular-nums; }
table { border-collapse: collapse; width: 100%; font-size: 9.5pt; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 600; color: #56616e; font-size: 8.5pt; border-bottom: .3mm solid #9aa5b1; padding: 1mm 2mm 1mm 0; }
td { border-bottom: .15mm solid #dde2e7; padding: .9mm 2mm .9mm 0; }
tbody th { padding: .9mm 2mm .9mm 0; color: inherit; font-size: inherit; font-weight: 400; border-bottom: .15mm solid #dde2e7; }
td.number, th.number { text-align: right; }
.bar { display: inline-block; width: 24mm; height: 2.6mm; background: #e4e9ee; vertical-align: middle; margin-right: 2mm; }
.bar i { display: block; height: 100%; background: #1f6f8b; }
.bar.readers i { background: #c06a1c; }
.matrix { width: auto; }
.matrix td, .matrix th { padding: .9mm 4mm .9mm 0; }
.legend span { margin-right: 5mm; white-space: nowrap; }
.legend i { display: inline-block; min-width: 5mm; text-align: center; font-style: normal; font-weight: 700; background: #1c2530;
  border-radius: .6mm; margin-right: 1.5mm; padding: 0 1mm; }
.cases { display: grid; grid-template-columns: 1fr 1fr; gap: 5mm 6mm; margin-top: 3mm; }
.case { break-inside: avoid; }
.case .photo { height: 42mm; background: #f1f3f5; display: flex; align-items: center; justify-content: center; color: #56616e; }
.case img { max-width: 100%; max-height: 42mm; display: block; }
.case h3 { font-size: 10pt; margin: 1.5mm 0 .5mm; overflow-wrap: anywhere; }
.case p { font-size: 8.8pt; line-height: 1.35; margin: 0 0 .4mm; }
footer { position: absolute; left: 14mm; right: 14mm; bottom: 8mm; display: flex; justify-content: space-between; font-size: 8pt; }
@media print { .cases { gap: 3.5mm 6mm; margin-top: 2mm; } .case .photo { height: 40mm; } .case img { max-height: 40mm; }
  .case h3 { margin: 1mm 0 0; } .case p { font-size: 8.2pt; line-height: 1.3; margin: 0; display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; overflow: hidden; }
  body { background: none; } section { width: auto; min-height: 0; height: 272mm; margin: 0; padding: 0; overflow: hidden; }
  section + section { break-before: page; } footer { left: 0; right: 0; bottom: 0; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
@media screen and (max-width: 760px) { section { width: auto; min-height: 0; margin: 0 0 4mm; padding: 5mm 4mm 16mm; } .tiles { grid-template-columns: 1fr 1fr; }
  .cases { grid-template-columns: 1fr; } .wide { overflow-x: auto; } }
"""

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def render_html(report: DisagreementReport, language: Language) -> str:
    """Return the report as one HTML document."""
    pages = "".join(
        _page(number, body, language)
        for number, body in enumerate((_first(report, language), _second(report, language)), start=1)
    )
    title = escape(wording.say("title", language))
    code = "zh-CN" if language == "zh" else "en"
    return (
        f'<!doctype html>\n<html lang="{code}"><head><meta charset="utf-8"><meta name="viewport" '
        'content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f"<title>{title}</title><style>{STYLE}</style></head><body>{pages}</body></html>\n"
    )


def _page(number: int, body: str, language: Language) -> str:
    footer = f"<span>{escape(wording.say('research', language))}</span><span>{escape(wording.say('page', language, page=number))}</span>"
    return f"<section>{body}<footer>{footer}</footer></section>"


def _first(report: DisagreementReport, language: Language) -> str:
    parts = [
        f"<h1>{escape(wording.say('title', language))}</h1><p "
        f"class='sub'>{escape(wording.subtitle(report, language))}</p>"
    ]
    shown = "".join(
        f"<div class='tile'><b>{escape(number)}</b>{escape(what)}<div "
        f"class='small'>{escape(more)}&nbsp;</div></div>"
        for number, what, more in wording.tiles(report, language)
    )
    parts.append(f"<div class='tiles'>{shown}</div><h2>{escape(wording.say('families', language))}</h2>")
    parts.append(
        _family_table(report, language)
        if report.families
        else f"<p>{escape(wording.say('nothing', language))}</p>"
    )
    if report.names:
        parts.append(f"<h2>{escape(wording.say('masks', language))}</h2>{_matrix(report, language)}")
    if report.differences:
        parts.append(
            f"<h2>{escape(wording.say('differences', language))}</h2>{_differences(report, language)}"
        )
    parts += [f"<p class='small'>{escape(line)}</p>" for line in wording.remarks(report, language)]
    return "".join(parts)


def _family_table(report: DisagreementReport, language: Language) -> str:
    coefficients = wording.has_coefficients(report)
    heads = [("family", "")]
    for compared, coefficient in (("reader_and_model", "kappa"), ("reader_and_reader", "alpha")):
        heads += [(compared, ""), *([(coefficient, "")] if coefficients else []), ("compared", "number")]
    with_icc = any(family.icc for family in report.families)
    heads += [("icc", "")] if with_icc else []
    head = "".join(
        f"<th scope='col' class='{kind}'>{escape(wording.say(key, language))}</th>" for key, kind in heads
    )
    rows = []
    for family in report.families:
        cells = f"<th scope='row'>{escape(family.title[language])}</th>"
        for share, number, kind in (
            (family.with_model, family.kappa, ""),
            (family.among_readers, family.alpha, "readers"),
        ):
            cells += f"<td>{_bar(share, kind)}{escape(wording.say_share(share, language))}</td>"
            cells += _coefficient(number, language) if coefficients else ""
            cells += f"<td class='number'>{share.count if share else ''}</td>"
        cells += _coefficient(family.icc, language) if with_icc else ""
        rows.append(f"<tr>{cells}</tr>")
    note = escape(wording.family_note(report, language))
    return (
        "<div "
        f"class='wide'><table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div><p "
        f"class='small' style='margin-top:1.5mm'>{note}</p>"
    )


def _coefficient(number: Measured | None, language: Language) -> str:
    return (
        f"<td>{escape(wording.say_number(number, language))} <span "
        f"class='small'>{escape(wording.say_interval(number, language))}</span></td>"
    )


def _bar(share: Measured | None, kind: str) -> str:
    return f"<span class='bar {kind}'><i style='width:{share.value:.0%}'></i></span>" if share else ""


def _matrix(report: DisagreementReport, language: Language) -> str:
    head = "".join(
        f"<th scope='col'>{escape(name[language])}</th>" for name in report.names[: wording.MOST_NAMES]
    )
    rows = "".join(
        "<tr><th "
        f"scope='row'>{escape(name[language])}</th>{''.join(f'<td>{escape(wording.say_cell(value, language))}</td>' for value in values[: wording.MOST_NAMES])}</tr>"
        for name, values in zip(report.names[: wording.MOST_NAMES], report.dice.tolist(), strict=False)
    )
    note = escape(wording.say("masks_note", language))
    return (
        "<div class='wide'><table "
        f"class='matrix'><thead><tr><td></td>{head}</tr></thead><tbody>{rows}</tbody></table></div><p "
        f"class='small'>{note}</p>"
    )


def _differences(report: DisagreementReport, language: Language) -> str:
    keys = (("family", ""), ("model_said", ""), ("readers_said", ""), ("times", "number"))
    head = "".join(
        f"<th scope='col' class='{kind}'>{escape(wording.say(key, language))}</th>" for key, kind in keys
    )
    rows = "".join(
        f"<tr><th scope='row'>{escape(entry.title[language])}</th><td>{escape(entry.model[language])}</td>"
        f"<td>{escape(entry.readers[language])}</td><td class='number'>{entry.times}</td></tr>"
        for entry in wording.common_differences(report)
    )
    return (
        f"<div class='wide'><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div><p></p>"
    )


def _second(report: DisagreementReport, language: Language) -> str:
    colours = "".join(
        f"<span><i style='color:rgb{entry.rgb}'>{escape(entry.tag)}</i>{escape(entry.name[language])}</span>"
        for entry in report.legend
    )
    cases = "".join(_case(case, language) for case in report.disputed)
    body = (
        f"<div class='cases'>{cases}</div>"
        if cases
        else f"<p>{escape(wording.say('no_disputed', language))}</p>"
    )
    return (
        f"<h2 style='margin-top:0'>{escape(wording.say('disputed', language))}</h2><p class='legend "
        f"small'>{colours}</p>{body}"
    )


def _case(case: CaseDispute, language: Language) -> str:
    name = escape(case.case_id)
    photo = (
        f"<img alt='{escape(case.photo_id or '')}' "
        f"src='data:image/jpeg;base64,{base64.b64encode(encode_picture(case.picture)).decode()}'>"
        if case.picture is not None
        else escape(wording.say("no_picture", language))
    )
    dice = wording.dice_line(case, language)
    lines = f"<p class='small'>{escape(dice)}</p>" if dice else ""
    lines += "".join(
        f"<p><b>{escape(family)}</b> {escape(answers)}</p>"
        if family
        else f"<p class='small'>{escape(answers)}</p>"
        for family, answers in wording.dispute_lines(case, language)
    )
    return f"<article class='case'><div class='photo'>{photo}</div><h3>{name}</h3>{lines}</article>"


def encode_picture(pixels: Pixels) -> bytes:
    """Return a picture as JPEG, with colours at full resolution: else those of the outlines spread into the
    lesion."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=86, subsampling=0)
    return stream.getvalue()
