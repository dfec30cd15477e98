"""Two answer files -> the official closed-question numbers."""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

from magic_demo.core.disk.user_files import read_user_head
from magic_demo.core.errors import FormatError
from magic_demo.core.types import Family
from magic_demo.files.entries import ENCOUNTER_KEY
from magic_demo.files.findings import Findings
from magic_demo.files.json_files import read_json_list
from magic_demo.questions.families import QuestionSet, load_challenge
from magic_demo.questions.scoring import Scores, answer_values

Labels = dict[str, dict[str, set[Hashable]]]
"""encounter id -> family id -> labels of any of its slots; order and number of times carry no information."""

QID_LENGTH = len("CQID010-001")


def score_answer_files(reference: Path, system: Path, asked: QuestionSet | None = None) -> Scores:
    """Score a file of system answers against a file of reference answers, JSON lists of one object an
    encounter.

    What the organisers' script stops at or silently scores wrong is named in the findings with what was done:
    see docs/scoring.md.
    asked: the challenge's questions when None. Raises FormatError when a file is no JSON list or the reference
    holds no encounter.
    """
    asked = asked or load_challenge()
    findings, notes = Findings(), Findings()
    gold_rows = read_json_list(reference, "a JSON list of answer objects")
    system_rows = read_json_list(system, "a JSON list of answer objects")
    for whose, path in (("reference", reference), ("system", system)):
        if read_user_head(path, len(BOM_UTF8)) == BOM_UTF8:
            findings.add(
                f"{whose} file begins with a byte order mark, read without it (the organisers' script stops)",
                path.name,
            )
    gold = gather_labels(gold_rows, "reference", asked, findings)
    if not gold:
        raise FormatError(
            "{reference}: holds no encounter with answers; one object an encounter is expected",
            reference=reference,
        )
    if not system_rows:
        findings.add(
            "system file holds no encounter, everything scores 0 and none counts, as by the organisers' "
            "script",
            system.name,
        )
        values = answer_values(gold, {}, asked.family_ids, 0)
        return Scores({key: 0 if key.startswith("number") else 0.0 for key in values}, findings.lines())
    answers = gather_labels(system_rows, "system", asked, findings)
    compare_labels(gold, answers, asked.families, findings, notes)
    # As in the organisers' script: labels are joined by the id up to its first '-', instances are counted by
    # the whole id.
    instances = len({row[ENCOUNTER_KEY] for row in gold_rows if _has_id(row)})
    values = answer_values(gold, answers, asked.family_ids, instances)
    return Scores(values, findings.lines(), notes.lines())


def gather_labels(rows: Sequence[Any], whose: str, asked: QuestionSet, findings: Findings) -> Labels:
    """Return the labels of rows of answers, as the organisers' script organises them; what it stops at or
    misreads goes to the findings. whose: reference or system."""
    options = asked.option_counts
    known_families = {family.family_id: family.questions[0].option_count for family in asked.families}
    labels: Labels = {}
    answered: dict[str, set[str]] = {}
    for number, row in enumerate(rows, start=1):
        if not _has_id(row):
            findings.add(
                f"{whose} entry without '{ENCOUNTER_KEY}' is left out (the organisers' script stops)",
                f"entry {number}",
            )
            continue
        encounter_id = join_id(row[ENCOUNTER_KEY])
        if encounter_id in labels:
            findings.add(
                f"{whose} encounter comes twice, its answers are united as by the organisers' script",
                encounter_id,
            )
        by_family = labels.setdefault(encounter_id, {})
        for key, value in row.items():
            if key == ENCOUNTER_KEY or len(key) != QID_LENGTH:
                continue  # such keys the organisers' script passes over too
            family_id, hyphen, rest = key.partition("-")
            if not hyphen or "-" in rest:
                findings.add(
                    f"{whose} key of 11 characters is no question, passed over (the organisers' script "
                    "stops)",
                    encounter_id,
                    key,
                )
                continue
            answered.setdefault(encounter_id, set()).add(key)
            if key not in options:
                done = (
                    "counted with its family, as by the organisers' script"
                    if family_id in known_families
                    else "passed over"
                )
                findings.add(f"{whose} answers a question that there is not, {done}", encounter_id, key)
            if family_id in known_families:
                count = options.get(key, known_families[family_id])
                by_family.setdefault(family_id, set()).add(
                    _read_label(value, count, whose, encounter_id, key, findings)
                )
    for encounter_id, by_family in labels.items():
        for qid in options:
            if qid not in answered.get(encounter_id, ()) and qid.partition("-")[0] in by_family:
                findings.add(
                    f"{whose} lacks a slot of a family, the others count, as by the organisers' script",
                    encounter_id,
                    qid,
                )
    return labels


def join_id(encounter_id: str) -> str:
    """Return what the organisers' script joins an encounter's answers by: its id up to the first '-'."""
    return encounter_id.split("-")[0]


def _read_label(
    value: Any, count: int, whose: str, encounter_id: str, qid: str, findings: Findings
) -> Hashable:
    """Return the option index, or for what is none a label that equals no index, nor what the other file has."""
    if isinstance(value, str) and re.fullmatch(r"\s*[0-9]{1,9}\s*", value):
        findings.add(
            f"{whose} answer is a text in place of a number, read as the number (the organisers' "
            "script counts it wrong)",
            encounter_id,
            qid,
        )
        value = int(value)
    elif isinstance(value, bool) or (isinstance(value, float) and value.is_integer()):
        findings.add(
            f"{whose} answer is not written as a whole number, read as one as by the organisers' script",
            encounter_id,
            qid,
        )
        value = int(value)
    if not isinstance(value, int):
        findings.add(f"{whose} answer is no option index, counted as a wrong label", encounter_id, qid)
        return f"{whose}: {value!r}"
    if not 0 <= value < count:
        findings.add(
            f"{whose} answer is beyond its question's options, counted as a wrong label",
            encounter_id,
            f"{qid} = {value}",
        )
        return f"{whose}: {value!r}"
    return value


def compare_labels(
    gold: Labels, answers: Labels, families: Sequence[Family], findings: Findings, notes: Findings
) -> None:
    """Add to the findings what the system lacks that the reference has, to the notes what it has beyond."""
    for encounter_id, labels in gold.items():
        for family in families:
            if family.family_id not in labels:
                findings.add(
                    "reference lacks a family, left out of the scores (the organisers' script stops)",
                    encounter_id,
                    family.family_id,
                )
        if encounter_id not in answers:
            findings.add(
                "system lacks an encounter, every family of it scores 0 (the organisers' script stops)",
                encounter_id,
            )
            continue
        for family in families:
            if family.family_id not in answers[encounter_id]:
                findings.add(
                    "system lacks a family, scores 0 (the organisers' script stops)",
                    encounter_id,
                    family.family_id,
                )
    for encounter_id in answers:
        if encounter_id not in gold:
            notes.add("system encounter without reference is not scored", encounter_id)


def _has_id(row: Any) -> bool:
    return isinstance(row, Mapping) and isinstance(row.get(ENCOUNTER_KEY), str) and bool(row[ENCOUNTER_KEY])
