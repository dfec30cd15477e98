"""``python -m tests.robustness.reliability``: run the tests of faults and bad input, and write
``docs/reliability.md`` from what they, fuzzing and the soak have found.

Fuzzing (``make fuzz``), the soak (``make soak``) and the large store (``python -m
tests.robustness.load.large_store``) take minutes and leave their numbers in ``build/reliability``; whatever of
them has not been run is said to be missing, never made up. ``--keep`` writes the page from the last run's
results.
"""

from __future__ import annotations

import argparse
import importlib
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Mapping
from typing import Any

from magic_demo.core.disk.whole_files import write_whole
from tests.conftest import REPOSITORY
from tests.robustness.faults.test_faults import KILLS
from tests.robustness.fuzzed.hostile_uploads import SLOWEST
from tests.robustness.load.results import FOLDER, read_result

PAGE = REPOSITORY / "docs" / "reliability.md"
RESULTS = FOLDER / "tests.xml"

FIXED_SHARES = {
    "page events": "tests/page/server/test_hostile_requests.py::test_no_event_ends_in_a_traceback_or_logs_what_it_brings"
}
"""Readers whose fixed share a test elsewhere gives: name -> test."""

FAULTS: tuple[tuple[str, str], ...] = (
    (
        f"kill -9 at {KILLS['save']} random instants while saving",
        "robustness/faults/test_faults.py::test_a_save_that_was_answered_survives_every_kill",
    ),
    (
        f"kill -9 at {KILLS['predict']} random instants of a batch run",
        "robustness/faults/test_faults.py::test_a_killed_run_leaves_no_half_file_and_goes_on",
    ),
    (
        f"kill -9 at {KILLS['export']} random instants of exports",
        "robustness/faults/test_faults.py::test_a_killed_export_is_there_whole_or_not_at_all",
    ),
    (
        f"kill -9 at {KILLS['backup']} random instants of backups",
        "robustness/faults/test_faults.py::test_a_killed_backup_is_there_whole_or_not_at_all",
    ),
    (
        f"kill -9 at {KILLS['train']} random instants of training",
        "robustness/faults/test_faults.py::test_a_killed_training_run_goes_on_to_the_end_it_would_have_had",
    ),
    (
        "kill -9 while a case is kept",
        "robustness/faults/test_whole_or_nothing.py::test_a_kept_case_is_whole_or_not_there",
    ),
    (
        "kill -9 while a backup is restored",
        "robustness/faults/test_whole_or_nothing.py::test_a_restored_store_is_whole_or_empty_and_the_same_command_goes_on",
    ),
    (
        "kill -9 while reviews are imported",
        "robustness/faults/test_whole_or_nothing.py::test_an_import_brings_all_reviews_or_none_and_the_same_command_goes_on",
    ),
    (
        "kill -9 while a case is deleted",
        "robustness/faults/test_whole_or_nothing.py::test_a_deleted_case_is_gone_or_whole",
    ),
    (
        "two restores to one place at once",
        "reviews/backups/test_hostile_backups.py::test_two_restores_at_once_end_with_one_whole_store",
    ),
    (
        "a backup with rows that cannot be",
        "reviews/backups/test_hostile_backups.py::test_rows_that_cannot_be_are_one_line_and_nothing_is_kept",
    ),
    (
        "a read-only disk",
        "reviews/store/test_files.py::test_a_store_on_a_read_only_disk_is_read_and_exported_and_not_changed",
    ),
    (
        "stopped while models compute",
        "core/process/test_ending.py::test_a_program_whose_models_compute_ends_with_its_exit_code_and_does_what_was_left_for_the_end",
    ),
    (
        "a half-written checkpoint",
        "robustness/faults/test_faults.py::test_a_checkpoint_that_was_cut_short_is_passed_over",
    ),
    ("disk full while saving", "robustness/faults/test_faults.py::test_a_full_disk_costs_no_saved_review"),
    (
        "disk full while backing up and exporting",
        "robustness/faults/test_faults.py::test_a_full_disk_leaves_no_half_backup_or_export",
    ),
    (
        "a folder that cannot be written",
        "robustness/faults/test_faults.py::test_a_folder_that_cannot_be_written_is_one_line",
    ),
    (
        "a database that cannot be written",
        "reviews/store/test_opening.py::test_a_database_that_cannot_be_written_is_refused",
    ),
    (
        "database locked by another program",
        "robustness/faults/test_faults.py::test_a_locked_database_is_named_and_nothing_is_lost",
    ),
    (
        "database server gone and back",
        "robustness/faults/test_faults_store.py::test_a_page_whose_database_is_gone_says_so_and_saves_all_once_it_is_back",
    ),
    (
        "database server crashes under saves",
        "robustness/faults/test_faults_store.py::test_saves_under_way_when_the_database_crashes_are_answered_and_kept_or_neither",
    ),
    (
        "clock set back",
        "robustness/faults/test_faults_store.py::test_a_clock_that_is_set_back_changes_no_order",
    ),
    (
        "corrupt page of the database",
        "robustness/faults/test_faults.py::test_a_damaged_database_is_refused_and_a_backup_brings_it_back",
    ),
    (
        "corrupt checkpoint",
        "robustness/faults/test_faults.py::test_a_damaged_checkpoint_is_refused_in_one_line",
    ),
    (
        "40 readers of large photos, memory for four, connections cut",
        "page/events/test_nothing_lost.py::test_forty_readers_of_large_photos_find_all_they_did_however_little_is_held_in_memory",
    ),
    (
        "two tabs of one reader that change the same",
        "page/events/test_two_tabs.py::test_what_two_tabs_answer_differently_in_one_family_is_told_with_both_and_a_choice_holds",
    ),
    (
        "a change that is overtaken, or sent again",
        "page/events/test_two_tabs.py::test_a_change_that_is_overtaken_or_sent_again_does_not_undo_a_later_one",
    ),
    (
        "a model that runs out of memory or fails on one photo",
        "challenge/test_batch.py::test_a_model_that_fails_on_one_photo_in_any_way_costs_that_photo",
    ),
    (
        "a wrong limit in the environment",
        "core/test_limits.py::test_the_page_and_every_command_say_it_in_one_line",
    ),
    (
        "a mask whose strip is a bomb",
        "files/masks/test_mask_files.py::test_a_strip_that_is_a_bomb_is_never_unpacked",
    ),
    (
        "hand-made bad files",
        "robustness/corpus/test_corpus.py::test_a_bad_file_is_read_with_a_note_or_refused_in_one_line_that_names_it",
    ),
    ("inputs that fuzzing found", "robustness/fuzzed/test_found_by_fuzzing.py"),
)
"""What is done to the program, and the test that does it."""
FUZZED_PAGE = "tests/robustness/fuzzed/test_fuzzing_page.py"
"""Targets whose names begin with "page" are here, the others in ``LONG["fuzz"]``."""
LONG = {
    "fuzz": ("make fuzz", "tests/robustness/fuzzed/test_fuzzing.py"),
    "soak": (
        "make soak",
        "tests/robustness/load/test_soak.py::test_readers_at_once_lose_nothing_and_see_nothing_of_each_other",
    ),
    "large_store": (
        "python -m tests.robustness.load.large_store",
        "tests/reviews/store/test_size.py::test_more_cases_need_no_more_statements",
    ),
}
"""What takes minutes: the command, and the short test of the same."""


def run_tests() -> None:
    """Run the tests that FAULTS names."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    names = [f"tests/{test}" for _, test in FAULTS]
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", f"--junitxml={RESULTS}", *names], cwd=REPOSITORY, check=False
    )


def read_outcomes() -> Mapping[str, tuple[int, int]]:
    """Return of every test, and of every file, how many of its cases ran and how many of them failed."""
    outcomes: dict[str, tuple[int, int]] = {}
    for case in ElementTree.parse(RESULTS).iter("testcase"):
        file = f"{str(case.get('classname')).removeprefix('tests.').replace('.', '/')}.py"
        failed = any(case.find(kind) is not None for kind in ("failure", "error", "skipped"))
        for name in (file, f"{file}::{str(case.get('name')).partition('[')[0]}"):
            ran, bad = outcomes.get(name, (0, 0))
            outcomes[name] = (ran + 1, bad + failed)
    return outcomes


def write_page(outcomes: Mapping[str, tuple[int, int]]) -> str:
    """Return the page."""
    return "\n".join(
        [
            "# Reliability",
            "",
            "Written by `python -m tests.robustness.reliability`; every number comes from a run of the "
            "test or command beside it. What the program promises, and",
            "what is out of its hands, is in [privacy.md](privacy.md).",
            "",
            "## Faults injected",
            "",
            "*Cases* counts the test's variants (a kind of damage, a kind of database). *Lost or "
            "half*: cases in which something answered was lost, something half was",
            "left, or the message was not the one line it should be.",
            "",
            "| fault | cases | lost or half | test |",
            "| --- | --- | --- | --- |",
            *(_fault_row(what, test, outcomes) for what, test in FAULTS),
            "",
            *_tell_fuzz(read_result("fuzz")),
            *_tell_soak(read_result("soak")),
            *_tell_large_store(read_result("large_store")),
        ]
    )


def _fault_row(what: str, test: str, outcomes: Mapping[str, tuple[int, int]]) -> str:
    ran, failed = outcomes.get(test, (0, 0))
    return f"| {what} | {ran or 'not run'} | {failed if ran else ''} | `tests/{test}` |"


def _tell_fuzz(found: Mapping[str, Any] | None) -> Iterator[str]:
    command, test = LONG["fuzz"]
    yield from ("## Inputs tried", "")
    if found is None:
        yield from (f"`{command}` has not been run.", "")
        return
    total = sum(found["tried"].values())
    yield (
        f"{total:,} generated inputs (`{command}`, {found['day']}), {found['failed_runs']} of its runs "
        f"with an undocumented error; a fixed share in every test run (`{test}`)."
    )
    yield from ("", "| reader | inputs | test |", "| --- | --- | --- |")
    for name, count in found["tried"].items():
        yield f"| {name} | {count:,} | `{_name_target(name)}` |"
    yield ""


def _name_target(name: str) -> str:
    """Return the test that gives a reader its inputs."""
    file = FUZZED_PAGE if name.startswith("page ") else LONG["fuzz"][1]
    return FIXED_SHARES.get(name, f"{file}::test_{name.replace(' ', '_')}")


def _tell_soak(found: Mapping[str, Any] | None) -> Iterator[str]:
    command, test = LONG["soak"]
    yield from ("## Load held", "")
    if found is None:
        yield from (f"`{command}` has not been run.", "")
        return
    yield (
        f"{found['readers']} readers for {found['seconds'] / 60:g} minutes (`{command}`, {found['day']}; a "
        f"short one: `{test}`), each a very fast one who saves every {2 * found['pace'] / 3:g} to "
        f"{4 * found['pace'] / 3:g} seconds. Clients, page and models share one machine of "
        f"{found['cores']} cores.{_tell_beside(found)}"
    )
    rows = {
        "cases opened": found["opened"],
        "saves answered": found["saves_answered"],
        "lost after the page was stopped under load": found["lost"],
        "seen by another session": found["leaks"],
        "errors": found["errors"],
        "analyses": found["analyses"],
        "longest line of readers before the models, as told to the one at its end": found["longest_line"],
        "a save while predictions run, median and p95": f"{found['save_median_ms']} ms, {found['save_p95_ms']} ms",
        "opening a case, p95": f"{found['open_p95_ms']} ms",
        "memory after warm-up and at the end": f"{found['memory_after_warm_up_mb']} MB, {found['memory_at_the_end_mb']} MB "
        f"({found['growth']:+.1%})",
        "processor time in cores: page with models, clients, other programs": f"{found['server_cpu']}, {found['clients_cpu']}, {found['others_cpu']}",
        "seconds from being asked to stop to the end": found["stop_seconds"],
        "beyond what is asked of it": "; ".join(found["faults"]) or "nothing",
    }
    yield from ("", "| | |", "| --- | --- |", *(f"| {name} | {value} |" for name, value in rows.items()), "")


def _tell_beside(found: Mapping[str, Any]) -> str:
    """Return what was done to the page beside the readers, as sentences after a space; nothing where nothing
    was."""
    told = ""
    if found.get("flood"):
        told += (
            f" Beside them {found['flood']} connections guessed at passwords all the while "
            f"({sum(found['guesses'].values()):,} guesses)."
        )
    if found.get("hostile"):
        sent = sum(count for name, count in found["uploads"].items() if name != SLOWEST)
        told += (
            f" {found['hostile']} readers sent photos that cost much ({sent:,} photos, each answered "
            f"within {found['uploads'][SLOWEST] / 1000:.1f} s)."
        )
    return told


def _tell_large_store(found: Mapping[str, Any] | None) -> Iterator[str]:
    command, test = LONG["large_store"]
    yield from ("## A large store", "")
    if found is None:
        yield f"`{command}` has not been run."
        return
    yield (
        f"{found['cases']:,} encounters with {found['readings']:,} readings in SQLite (`{command}`, "
        f"{found['day']}; statements are counted in `{test}`), first time of each."
    )
    yield from (
        "",
        "| | seconds |",
        "| --- | --- |",
        *(f"| {name} | {seconds:.2f} |" for name, seconds in found["seconds"].items()),
    )


def find_tests() -> Iterator[tuple[str, str]]:
    """Yield the file and the name (empty: the whole file) of every test that the page names."""
    for name in [*(f"tests/{test}" for _, test in FAULTS), *(test for _, test in LONG.values())]:
        file, _, test = name.partition("::")
        yield file, test


def exists(file: str, test: str) -> bool:
    """Return whether a test is there."""
    if not (REPOSITORY / file).is_file():
        return False
    return not test or hasattr(importlib.import_module(file.removesuffix(".py").replace("/", ".")), test)


def main() -> int:
    """Run, read and write; returns 1 where a test failed or did not run."""
    parser = argparse.ArgumentParser(description="Write docs/reliability.md from real runs.")
    parser.add_argument("--keep", action="store_true", help="take the results of the last run")
    if not parser.parse_args().keep:
        run_tests()
    outcomes = read_outcomes()
    write_whole(PAGE, write_page(outcomes) + "\n")
    return int(any(outcomes.get(test, (0, 1))[1] or test not in outcomes for _, test in FAULTS))


if __name__ == "__main__":
    sys.exit(main())
