"""Fine-tune a language or vision-language model on the answers: ``python -m training vlm --config FILE [--data DIR]
[--output DIR] [--start MODEL] [--resume]``.

Additions of low rank (LoRA, with the package peft) learn from the tokens of the right options alone. What is saved is a
whole model, for ``--answers``.
"""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from transformers import Trainer

from magic_demo.core.errors import one_line
from magic_demo.core.types import Answers
from magic_demo.models.answers.language.answerer import LanguageAnswerer
from magic_demo.models.answers.language.prompts import PROMPTS
from magic_demo.models.answers.language.reader import PART_TYPES
from magic_demo.models.loading.checkpoints import Checkpoint
from magic_demo.models.loading.finding import find_checkpoint
from magic_demo.questions.decoding import PRIORS_NAME, count_priors, decode_answers, write_priors
from magic_demo.questions.families import load_challenge
from training.answers.language.examples import OptionDraws, collate, read_photos
from training.answers.language.settings import AdaptedSettings, LanguageSettings
from training.cases.metrics import official_scores
from training.cases.sources import CaseSource, LearningCase
from training.cases.survey import CaseData, read_cases_as_kept, read_checked_cases
from training.runs.record import check_resumed, copy_record, keep_record
from training.runs.reports.card import write_card
from training.runs.reports.data_table import SourceTable, title_sources
from training.runs.run import (
    TRAINER_OPTIONS,
    SettingsError,
    add_resume_argument,
    check_metric,
    make_parser,
    parse_command,
)
from training.runs.starts import name_starts
from training.runs.trainer import (
    check_start,
    choose_precision,
    is_first_process,
    one_long_epoch,
    prepare,
    train,
    training_arguments,
)


def main(arguments: list[str]) -> int:
    """Fine-tune and save the best model as a whole; returns the exit code."""
    parser = make_parser("vlm", __doc__, TRAINER_OPTIONS)
    add_resume_argument(parser)
    settings, options = parse_command(parser, arguments, LanguageSettings, TRAINER_OPTIONS)
    folder, scores = run_training(settings, resume=options.resume)
    if is_first_process():
        print(f"model: {folder}")
        print(json.dumps(scores, indent=2))
    return 0


def run_training(settings: LanguageSettings, *, resume: bool = False) -> tuple[Path, dict[str, float]]:
    """Train as the settings say; returns the folder of the model and its evaluation."""
    run = settings.run
    check_metric(run, ["accuracy_all", *(f"accuracy_{name}" for name in load_challenge().family_ids)])
    choose_precision(run)
    import_peft()
    check_start(run, resume=resume)
    if resume:
        check_resumed(run.output, settings)
    prepare(run)
    training, evaluation = _read_data(settings, resume=resume)
    if not training or not evaluation:
        raise SettingsError("the data holds no case to train on, or none to evaluate on")
    answerer = load_start(settings.model.start)
    answerer.set_priors = count_priors(
        [case.answers for case in training], answerer.families, smoothing=10.0, weight=1.0
    )
    model = add_layers(answerer.reader.model, settings.model)
    draws = OptionDraws(training, settings.data, answerer, epochs=run.epochs, seed=run.seed)
    step = max(1, len(evaluation) // settings.data.evaluation_cases)
    tokenizer = answerer.reader.tokenizer
    trainer = OptionTrainer(
        model=model,
        args=one_long_epoch(run, draws.epoch_length),
        train_dataset=draws,
        eval_dataset=[],
        data_collator=partial(collate, tokenizer.pad_token_id or 0),
        answerer=answerer,
        judged=evaluation[::step][: settings.data.evaluation_cases],
        most_photos=settings.data.most_photos,
    )
    scores = dict(train(trainer, run, resume=resume))
    best = run.output / "best"
    if trainer.args.should_save:
        save_whole(answerer, model, settings, best, scores)
    return best, scores


def import_peft() -> Any:
    """Return the package peft. Raises SettingsError, with what to install, where there is none."""
    try:
        import peft
    except ImportError as error:
        raise SettingsError(
            "python -m training vlm needs peft, which is not installed; run: pip install peft (or .[vlm])"
        ) from error
    return peft


def add_layers(model: Any, settings: AdaptedSettings) -> Any:
    """Return the model with additions of low rank that learn; the rest stays. Raises SettingsError where it has none
    of the layers named."""
    peft = import_peft()
    wanted = peft.LoraConfig(
        r=settings.rank,
        lora_alpha=settings.scale,
        lora_dropout=settings.dropout,
        target_modules=list(settings.layers),
    )
    try:
        with warnings.catch_warnings():  # peft asks transformers by names that it will drop
            warnings.simplefilter("ignore", FutureWarning)
            return peft.get_peft_model(model, wanted)
    except ValueError as error:
        raise SettingsError("model.layers: {reason}", reason=one_line(error)) from error


def load_start(start: str) -> LanguageAnswerer:
    """Load the model to begin with. Raises CheckpointError with one line when it is none."""
    return LanguageAnswerer.load(Checkpoint.open(start, types=PART_TYPES))


def answer_cases(
    answerer: LanguageAnswerer, cases: Sequence[LearningCase], most_photos: int
) -> dict[str, Answers]:
    """Return case id -> answers, by likelihood as ``--answers`` gives them."""
    answerer.forget_empty()  # the model has learnt since
    answers: dict[str, Answers] = {}
    for case in cases:
        photos = read_photos(case, most_photos) if answerer.reader.sees else []
        scores = answerer.score(next((text for text in case.texts if text.strip()), ""), photos)
        answers[case.case_id] = decode_answers(scores, answerer.families, answerer.set_priors)
    return answers


class OptionTrainer(Trainer):
    """A Trainer that is judged by the official accuracy on whole cases."""

    def __init__(
        self,
        *args: Any,
        answerer: LanguageAnswerer,
        judged: Sequence[LearningCase],
        most_photos: int,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.answerer, self.judged, self.most_photos = answerer, judged, most_photos

    def evaluate(self, *_: Any, metric_key_prefix: str = "eval", **__: Any) -> dict[str, float]:
        """Return the official accuracy, all in all and a family."""
        assert self.model is not None
        learning = self.model.training
        self.model.eval()
        answers = answer_cases(self.answerer, self.judged, self.most_photos)
        self.model.train(learning)
        found = official_scores({case.case_id: case.answers for case in self.judged}, answers)
        metrics = {f"{metric_key_prefix}_{name}": value for name, value in found.items()}
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics


def save_whole(
    answerer: LanguageAnswerer,
    model: Any,
    settings: LanguageSettings,
    best: Path,
    scores: Mapping[str, float],
) -> None:
    """Save the model with its additions put in, tokenizer, processor and prompts."""
    start = find_checkpoint(settings.model.start)
    model.merge_and_unload().save_pretrained(best)
    (answerer.reader.processor or answerer.reader.tokenizer).save_pretrained(best)
    if (start / PROMPTS).is_file():
        shutil.copyfile(start / PROMPTS, best / PROMPTS)
    write_priors(best / PRIORS_NAME, answerer.set_priors or {})
    (best / "training.json").write_text(json.dumps(dict(scores), indent=2) + "\n", encoding="utf-8")
    copy_record(settings.run.output, best)
    write_card(
        best,
        "vlm",
        scores,
        start=settings.model.start,
        training=[source.name for source in settings.data.training],
        evaluation=[source.name for source in settings.data.evaluation],
    )


def _read_data(settings: LanguageSettings, *, resume: bool) -> list[list[LearningCase]]:
    """Read the cases to train on and to be judged by, checked; of several processes the first does it."""
    data, roles = settings.data, ("training", "evaluation")
    sources: dict[str, CaseSource] = {}
    for role in roles:
        listed = [
            replace(source, photos=source.photos and data.most_photos > 0) for source in getattr(data, role)
        ]
        sources |= title_sources([f"{role} {source.name}" for source in listed], listed)
    where = CaseData(
        data.folder, settings.run.output.parent / "cases", None, data.least_found, data.bad_files
    )

    def keep(tables: Sequence[SourceTable]) -> None:
        keep_record(
            settings.run.output,
            settings,
            tables,
            starts=name_starts(settings.model, data.folder),
            resume=resume,
        )

    arguments = training_arguments(settings.run)
    with arguments.main_process_first(desc="cases"):
        if arguments.process_index == 0:
            cases = read_checked_cases(where, sources, keep=keep)
        else:
            cases = read_cases_as_kept(where, sources, settings.run.output)
    return [
        [case for title, listed in cases.items() if title.startswith(f"{role} ") for case in listed]
        for role in roles
    ]
