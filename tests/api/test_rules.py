"""A token sees what its reader sees on the page, and no more."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from magic_demo.core.review_types import CaseKey, Review
from magic_demo.page.session.rate_limit import RateLimit
from magic_demo.reviews.exports import FORMATS
from magic_demo.reviews.store import Actor, ReaderRole, Store, TrailKind
from tests.api.doors import Doors, open_doors
from tests.support.store.reviewed_cases import QUEUE, answer

FIRST = {"queue": QUEUE, "case": "ENC00001"}


def readers_of(doors: Doors, who: str) -> list[tuple[str, str]]:
    return [(review["reader"], review["kind"]) for review in doors.get(who, "/reviews", **FIRST)["reviews"]]


def annotators_in(doors: Doors, who: str, format: str = "challenge") -> list[str]:
    job = doors.export(who, format)
    assert job["state"] == "done", job
    packed = doors.ask(who, "GET", job["file"].removeprefix("/api/v1")).content
    about: dict[str, Any] = json.loads(zipfile.ZipFile(io.BytesIO(packed)).read("export.json"))
    return list(about["annotators"].values())


def test_others_reviews_are_seen_after_a_complete_one_of_ones_own(doors: Doors) -> None:
    everybodys = [("Li", "assisted"), ("Wang", "blind"), ("Wang", "revealed"), ("Wang", "consensus")]
    assert readers_of(doors, "Wang") == readers_of(doors, "Li") == everybodys, (
        "an adjudicator, and who has read it"
    )
    assert readers_of(doors, "Bo") == readers_of(doors, "Pat") == [], "who has not"


def test_what_was_seen_through_a_token_is_not_read_blind_afterwards(tmp_path: Path) -> None:
    with open_doors(tmp_path) as doors:
        key = CaseKey(QUEUE, "ENC00003")
        doors.store.set_role("Bo", "adjudicator")
        assert doors.store.known(key, "Bo") == frozenset()
        assert [
            review["reader"]
            for review in doors.get("Bo", "/reviews", queue=QUEUE, case="ENC00003")["reviews"]
        ] == ["Li"]
        assert doors.store.known(key, "Bo") == {"others"}
        assert doors.store.save(Review("ENC00003", "Bo", "blind", queue=QUEUE)).review.kind == "compared"


@pytest.mark.parametrize("door", ["/reviews", "/reviews/1"])
def test_who_is_told_where_a_review_differs_from_the_model_does_not_read_blind_afterwards(
    tmp_path: Path, door: str
) -> None:
    with open_doors(tmp_path) as doors:
        doors.store.set_role("Bo", "adjudicator")
        told = doors.get("Bo", door, **(FIRST if door == "/reviews" else {}))
        assert (told["reviews"][0] if door == "/reviews" else told)["differs"] == ["CQID011"]
        assert doors.store.known(CaseKey(QUEUE, "ENC00001"), "Bo") == {"others", "model"}
        assert doors.store.save(Review("ENC00001", "Bo", "blind", queue=QUEUE)).review.kind == "assisted"


def test_a_review_is_found_by_the_number_that_the_webhook_tells(doors: Doors) -> None:
    own = doors.get("Li", "/reviews/1")
    assert (own["reader"], own["case"], own["content"]["comment"]) == (
        "Li",
        "ENC00001",
        "edge is =unclear\nsecond line, “quoted”",
    )
    assert doors.ask("Bo", "GET", "/reviews/1").status_code == 404, "as if it were not there"


def test_where_a_review_differs_from_the_model_is_hidden_from_who_reads_blind(tmp_path: Path) -> None:
    with open_doors(tmp_path) as doors:
        case = {"queue": QUEUE, "case": "ENC00002"}
        doors.store.save(
            Review(
                "ENC00002",
                "Bo",
                "blind",
                "done",
                answer(1),
                disagreements=frozenset({"CQID010"}),
                queue=QUEUE,
            )
        )
        assert [review["differs"] for review in doors.get("Bo", "/reviews", **case)["reviews"]] == [None]
        listed = {case["case"]: case["differs"] for case in doors.get("Bo", "/cases", queue=QUEUE)["cases"]}
        assert listed["ENC00002"] is None
        assert doors.get("Wang", "/reviews", **FIRST)["reviews"][0]["differs"] == ["CQID011"]


def test_a_case_of_others_is_not_listed_and_not_opened(doors: Doors) -> None:
    assert [doors.get(who, "/cases", queue="others")["total"] for who in ("Bo", "Wang", "Li")] == [1, 1, 0]
    refused = doors.ask("Li", "GET", "/reviews", params={"queue": "others", "case": "ENC00009"})
    assert (refused.status_code, refused.json()["error"]["key"]) == (403, "not_assigned")


def test_a_second_reading_that_is_not_open_yet_is_refused_with_its_reason(tmp_path: Path) -> None:
    with open_doors(tmp_path) as doors:
        doors.store.repeat(QUEUE, "again", days=14)
        refused = doors.ask("Bo", "GET", "/reviews", params={"queue": "again", "case": "ENC00001"})
        assert refused.status_code == 403 and "read a second time here" in refused.json()["error"]["message"]


def test_a_list_comes_in_parts(doors: Doors) -> None:
    told = doors.get("Li", "/cases", queue=QUEUE, offset=1, limit=1)
    assert told["total"] == 3 and [case["case"] for case in told["cases"]] == ["ENC00002"]


def test_an_export_holds_ones_own_reviews_and_an_adjudicators_all(doors: Doors) -> None:
    assert annotators_in(doors, "Li") == ["Li"]
    assert set(annotators_in(doors, "Wang")) == {"Li", "Wang"}
    assert doors.store.trail(kinds=["export"])[0].origin == "api testclient"
    nothing = doors.export("Bo", "csv")
    assert nothing["state"] == "failed" and nothing["error"]["key"] == "refused" and nothing["file"] is None


@pytest.mark.parametrize(("then", "kept"), [("reader", False), ("presenter", False), ("adjudicator", True)])
def test_who_is_no_adjudicator_any_more_does_not_get_the_file_of_everybodys_reviews(
    tmp_path: Path, then: ReaderRole, kept: bool
) -> None:
    with open_doors(tmp_path) as doors:
        everybodys, own = (
            doors.export(who, "challenge")["file"].removeprefix("/api/v1") for who in ("Wang", "Li")
        )
        doors.store.set_role("Wang", then)
        answered = doors.ask("Wang", "GET", everybodys)
        assert answered.status_code == (200 if kept else 404), answered.text
        assert doors.ask("Li", "GET", own).status_code == 200


@pytest.mark.parametrize(
    "format", [*(offer.name for offer in FORMATS if offer.name != "challenge"), "report"]
)
def test_every_format_of_the_page_can_be_had(doors: Doors, format: str, without_browser: None) -> None:
    job = doors.export("Wang", format)
    assert job["state"] == "done", job
    packed = doors.ask("Wang", "GET", job["file"].removeprefix("/api/v1"))
    assert packed.headers["Content-Type"] == "application/zip"
    assert zipfile.ZipFile(io.BytesIO(packed.content)).namelist()


def test_photos_and_jobs_are_those_of_the_token_that_sent_them(doors: Doors) -> None:
    job = doors.finish("Li", doors.begin("Li", narrative="red spots"))["job"]
    for method, path in (("GET", ""), ("GET", "/file"), ("DELETE", "")):
        assert doors.ask("Bo", method, f"/jobs/{job}{path}").json()["error"]["key"] == "no_job"
    assert job in {one["job"] for one in doors.get("Li", "/jobs")["jobs"]}
    assert job not in {one["job"] for one in doors.get("Bo", "/jobs")["jobs"]}


def test_photos_of_one_token_leave_anothers_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = b"\x89PNG\r\n\x1a\n"  # what comes of it does not matter
    with open_doors(tmp_path) as doors:
        monkeypatch.setattr(doors.verbs, "_photos", RateLimit(1, 0.0))
        answered = [doors.begin(who, photo).status_code for who in ("Li", "Li", "Bo")]
    assert answered == [202, 429, 202]


def test_progress_and_questions_are_those_of_the_page(doors: Doors) -> None:
    rows = {row["reader"]: row for row in doors.get("Bo", "/progress", queue=QUEUE)["readers"]}
    assert rows["Li"]["done"] + rows["Li"]["in_progress"] == 3 and "local" not in rows
    families = doors.get("Bo", "/questions")["families"]
    assert len(families) == 9 and sum(len(family["questions"]) for family in families) == 27
    assert doors.get("Bo", "/questions", queue=QUEUE)["families"] == families
    assert doors.ask("Bo", "GET", "/questions?queue=none").json()["error"]["key"] == "no_queue"
    assert doors.get("Bo", "/queues") == {"queues": [QUEUE, "others"], "role": "reader"}


@pytest.mark.parametrize("deed", ["delete", "purge", "cover", "cover confirmed"])
def test_an_export_goes_with_a_case_that_another_program_of_the_store_deleted_or_covered(
    tmp_path: Path, deed: TrailKind
) -> None:
    with open_doors(tmp_path) as doors, Store.open(tmp_path / "store") as another:
        file = doors.export("Wang", "csv")["file"].removeprefix("/api/v1")
        another.note("export", Actor("Li", "command"), detail="csv")
        assert doors.ask("Wang", "GET", file).status_code == 200
        key = CaseKey(QUEUE, "ENC00001")
        if deed in ("delete", "purge"):
            another.delete_case(key, what=deed)
        else:
            another.note(deed, Actor("Wang", "page"), case=key)
        gone = doors.ask("Wang", "GET", file)
        assert gone.status_code == 404 and gone.json()["error"]["key"] == "no_job"


def test_an_export_that_holds_a_case_goes_with_the_case(tmp_path: Path) -> None:
    with open_doors(tmp_path) as doors:
        job = doors.export("Wang", "csv")
        file = job["file"].removeprefix("/api/v1")
        assert doors.ask("Wang", "GET", file).status_code == 200
        doors.desk.delete_case(CaseKey(QUEUE, "ENC00001"))
        gone = doors.ask("Wang", "GET", file)
        assert gone.status_code == 404 and gone.json()["error"]["key"] == "no_job"
