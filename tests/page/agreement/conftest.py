"""Readers who agreed and did not, and what was measured of them."""

from __future__ import annotations

import pytest

from magic_demo.files.bundles import read_prediction
from magic_demo.reviews.agreement.sources import AgreementChoice, AgreementSource, Comparison
from magic_demo.reviews.store import Store
from tests.support.store.agreeing_readers import ReadRounds, write_rounds


@pytest.fixture(scope="module")
def rounds(tmp_path_factory: pytest.TempPathFactory) -> ReadRounds:
    return write_rounds(tmp_path_factory.mktemp("rounds"), cases=6)


@pytest.fixture(scope="module")
def found(rounds: ReadRounds) -> Comparison:
    with Store.open(rounds.store) as store:
        return AgreementSource(store, lambda case: read_prediction(rounds.bundle, case.case_id)).measure(
            AgreementChoice(), None
        )
