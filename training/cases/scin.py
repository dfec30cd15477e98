"""How often SCIN's volunteers report site, texture, itch and duration together, for the synthetic cases:
``python -m training scin-table --cases scin_cases.csv``."""

from __future__ import annotations

import argparse
import csv
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from magic_demo.core.disk.user_files import LARGEST_CONFIG, read_user_text
from magic_demo.core.disk.whole_files import write_whole
from magic_demo.synthetic.frequencies import FILE, Finding

SITES = {
    "head or neck": ("head_or_neck",),
    "upper extremities": ("arm", "palm", "back_of_hand"),
    "lower extremities": ("leg", "foot_top_or_side", "foot_sole"),
    "chest/abdomen": ("torso_front",),
    "back": ("torso_back",),
    "other (please specify)": ("genitalia_or_groin", "buttocks", "other"),
}
"""Option of CQID011, head and neck together -> body parts of SCIN."""
TEXTURES = {
    "fluid": "fluid_filled",
    "rough": "rough_or_flaky",
    "raised": "raised_or_bumpy",
    "flat": "flat",
}
"""Our name -> SCIN's; of several that a volunteer names the first here counts."""
DURATIONS = {
    "ONE_DAY": "within hours",
    "LESS_THAN_ONE_WEEK": "within days",
    "ONE_TO_FOUR_WEEKS": "within weeks",
    "ONE_TO_THREE_MONTHS": "within months",
    "THREE_TO_TWELVE_MONTHS": "within months",
    "MORE_THAN_ONE_YEAR": "over a year",
    "MORE_THAN_FIVE_YEARS": "multiple years",
    "SINCE_CHILDHOOD": "multiple years",
}
SOURCE = (
    "Counts from scin_cases.csv of SCIN 1.0.0 (Google, 2024), https://github.com/google-research-datasets/scin, "
    "modified: only answered cases, options named as in this project, a case's sites share it. Licence: SCIN "
    "Data Use License, https://github.com/google-research-datasets/scin/blob/main/LICENSE"
)


def main(arguments: list[str]) -> int:
    """Write the table that the synthetic cases are drawn by; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m training scin-table", description=__doc__)
    parser.add_argument("--cases", type=Path, required=True, help="SCIN's scin_cases.csv")
    parser.add_argument("--output", type=Path, default=FILE, help="the table (default: the one in use)")
    options = parser.parse_args(arguments)
    table = count_findings(csv.DictReader(read_user_text(options.cases, LARGEST_CONFIG).splitlines()))
    rows = ",\n".join(f"  {json.dumps([*finding, n])}" for finding, n in table)
    head = f' "source": {json.dumps(SOURCE)},\n "columns": {json.dumps(list(Finding._fields))}'
    write_whole(options.output, f'{{\n{head},\n "rows": [\n{rows}\n ]\n}}\n')
    print(f"{len(table)} rows, {sum(n for _, n in table):.0f} cases: {options.output}")
    return 0


def count_findings(records: Iterable[Mapping[str, str]]) -> list[tuple[Finding, float]]:
    """Return how many cases report each finding, the most frequent first; a case of several sites counts in
    shares.

    Cases without a site, a texture, a duration or any word on symptoms are left out.
    """
    counts: defaultdict[Finding, float] = defaultdict(float)
    for record in records:
        sites = [
            site
            for site, parts in SITES.items()
            if any(record[f"body_parts_{part}"] == "YES" for part in parts)
        ]
        texture = next(
            (name for name, theirs in TEXTURES.items() if record[f"textures_{theirs}"] == "YES"), None
        )
        duration = DURATIONS.get(record["condition_duration"])
        told = any(record[column] == "YES" for column in record if column.startswith("condition_symptoms_"))
        if texture is None or duration is None or not told:
            continue
        itch = "yes" if record["condition_symptoms_itching"] == "YES" else "no"
        for site in sites:
            counts[Finding(site, texture, itch, duration)] += 1 / len(sites)
    return sorted(
        ((finding, round(n, 2)) for finding, n in counts.items()), key=lambda entry: (-entry[1], entry[0])
    )
