"""Fixtures that several test modules share."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from hypothesis import settings

from magic_demo.page.gradio_internals.stubs import write_no_stubs
from magic_demo.reviews.store import Store
from magic_demo.reviews.store.rows import readers
from tests.support.store.postgresql import PostgresServer

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

# no test asserts time; where CI is set, every run draws the same examples
settings.register_profile("tests", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("tests")

REPOSITORY = Path(__file__).resolve().parents[1]
MAY_APPEAR = {"__pycache__", "build", "dist", "node_modules", "out", "runs"}
"""What tools leave in the checkout's top folder, hidden files aside."""


LONGEST = (
    "training/runs/test_distributed.py",
    "robustness/faults/test_faults_store.py",
    "reviews/store/test_size.py",
    "reviews/cases/test_deletion.py",
    "synthetic/test_cases.py",
    "reviews/store/test_store.py",
    "reviews/store/test_together.py",
    "page/server/test_oversight.py",
    "training/answers/test_text_photo_answerer.py",
    "reviews/backups/test_backups.py",
    "training/segmentation/test_features.py",
    "robustness/faults/test_faults.py",
    "training/segmentation/test_semantic.py",
    "training/answers/language/test_vlm.py",
    "models/answers/language/test_language_answerer.py",
    "training/cues/test_train.py",
    "page/server/test_reach.py",
    "training/segmentation/test_survey.py",
    "training/learning/test_learning.py",
    "training/runs/test_full_disk.py",
    "training/answers/text_photo/test_kept_features.py",
    "training/segmentation/test_patches.py",
    "training/answers/test_photo_answerer.py",
    "training/segmentation/test_train.py",
    "e2e/test_page.py",
    "e2e/review/test_own_questions.py",
    "e2e/review/test_shared_review.py",
    "e2e/review/test_haste.py",
    "e2e/review/test_undo.py",
    "e2e/review/test_review.py",
    "e2e/review/test_agreement_page.py",
    "e2e/review/test_haste_in_reviews.py",
    "e2e/review/test_layouts.py",
    "e2e/test_privacy.py",
    "e2e/test_access.py",
    "e2e/test_doors.py",
    "e2e/case/test_streaming.py",
    "e2e/case/test_keeping.py",
    "e2e/review/test_cards.py",
    "e2e/case/test_unkept.py",
)
"""Files whose tests take longest, or that start a page of their own. Two processes share the files out (the
Makefile), and one that is begun last would keep one of them at work alone."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--seeds",
        type=int,
        default=1,
        metavar="N",
        help="run every test that trains with the seeds 0 to N-1; 1 by default",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    count: int = metafunc.config.getoption("seeds")
    if count > 1 and "training_seed" in metafunc.fixturenames:
        metafunc.parametrize("training_seed", range(count), scope="session")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Look for garbage only once the tests begin, and never among what the libraries made when they were
    imported: to look through that again and again as it grows takes a third of the start."""
    write_no_stubs()
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what takes the training's seed, before pytest picks tests by their marks; leave out what needs
    libraries that no other test does, unless ``make interop`` says where they are; put the longest files first."""
    if "REAL_PACKAGES" not in os.environ:
        items[:] = [item for item in items if item.get_closest_marker("real_packages") is None]
    order = {REPOSITORY / "tests" / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path, len(order)))
    for item in items:
        if "training_seed" in getattr(item, "fixturenames", ()):
            item.add_marker("training")


@pytest.fixture(scope="session")
def training_seed() -> int:
    """Return the seed of every training run of a test, of its first weights and of the data drawn for it;
    ``--seeds`` gives others."""
    return 0


@pytest.fixture(scope="session", autouse=True)
def nothing_stray() -> Iterator[None]:
    """Fail the run where a test has left a file in the checkout's top folder."""
    before = {path.name for path in REPOSITORY.iterdir()}
    yield
    stray = {
        name
        for name in {path.name for path in REPOSITORY.iterdir()} - before - MAY_APPEAR
        if not name.startswith(".")
    }
    assert not stray, (
        f"the tests have left {sorted(stray)} in the checkout; let the one that does work in tmp_path"
    )


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> Iterator[None]:
    """Hash passwords in a moment: as the product does it, each takes a fifth of a second of a processor."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(readers, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        yield


@pytest.fixture(scope="session")
def repository() -> Path:
    """Return the checkout's top folder."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real data beside the checkout; on a machine without it these tests say so and are
    skipped, in CI they fail."""
    folder = REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        message = "the real data folder ../shared/data is not beside the checkout"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return folder


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """Give a running PostgreSQL server; one that cannot start fails the tests that ask for it."""
    server = PostgresServer()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgres_store(postgres_server: PostgresServer) -> str:
    """Return the URL of a PostgreSQL database that holds an empty store; whoever writes there empties it
    (``store_place`` does)."""
    url = postgres_server.make_database("store")
    Store.open(url).close()
    return url


@pytest.fixture
def without_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the disagreement report find no browser that prints it: to start one takes seconds."""
    monkeypatch.setattr("magic_demo.reviews.reports.printing.find_browser", lambda: None)


_empty_databases = count(1)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return where a store may be made: a folder for SQLite, then an empty PostgreSQL database."""
    if request.param == "sqlite":
        return str(tmp_path / "reviews")
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.make_database(f"empty_{next(_empty_databases)}")


@pytest.fixture(params=["sqlite", "postgresql"])
def store_place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give the place of an empty store, on SQLite, then on PostgreSQL."""
    if request.param == "sqlite":
        yield str(tmp_path / "reviews")
        return
    yield request.getfixturevalue("postgres_store")
    server: PostgresServer = request.getfixturevalue("postgres_server")
    server.execute(
        "TRUNCATE queues, tokens, sign_ins, outbox, receivers, audit_trail, proposed_covers, save_keys, seen, showings, predictions, "
        "masks, reviews, assignments, cases",
        database="store",
    )
    server.execute("DELETE FROM readers WHERE folded <> 'local'", database="store")
    server.execute("UPDATE readers SET role = 'reader'", database="store")


@pytest.fixture
def store(store_place: str) -> Iterator[Store]:
    """Give an empty store, on SQLite, then on PostgreSQL."""
    with Store.open(store_place) as opened:
        yield opened
