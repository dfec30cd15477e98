"""``python -m magic_demo predict``: a folder of encounters becomes challenge files."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import Any, get_args

from magic_demo.challenge.batch import predict_folder
from magic_demo.challenge.run_folder import ANSWERS, BUNDLE, MANIFEST, MASKS, PICTURES, RANKING
from magic_demo.challenge.running.engines import Engine, Processes, RayActors, work_here
from magic_demo.challenge.running.ranking import write_ranking
from magic_demo.challenge.running.shards import Shard
from magic_demo.challenge.submitting.submission import check_target, write_submission
from magic_demo.commands.asked import (
    add_language_arguments,
    add_questions_argument,
    read_asked,
    read_model,
)
from magic_demo.commands.submit import report_submission
from magic_demo.core.errors import FormatError
from magic_demo.core.types import LANGUAGES, PromptKind
from magic_demo.files.encounters import refuse_other_file
from magic_demo.files.remote.addresses import read_place
from magic_demo.models.backends.names import add_backend_argument
from magic_demo.models.loading.predictors import (
    DEFAULT_ANSWERS,
    DEFAULT_CUES,
    DEFAULT_SEGMENTATION,
    load_predictor,
    reads_lesion,
)
from magic_demo.models.predictor import Predictor
from magic_demo.models.segmentation.views import add_views_argument, describe_views, see_views

PROMPTS: dict[str, PromptKind] = {kind.replace(" ", "-"): kind for kind in get_args(PromptKind)}
TASKS = ("segmentation", "cvqa", "both")

EXIT_DONE, EXIT_WITH_PROBLEMS, EXIT_STOPPED = 0, 3, 130
EXIT_CODES = (
    "Exit codes: 0 all done; 1 nothing could be done, one line says why; 2 wrong options; 3 done, with "
    "problems: each line names what is "
    "missing and why; 130 stopped: the same command goes on from there."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``python -m magic_demo predict``."""
    parser.epilog = EXIT_CODES
    parser.add_argument(
        "data",
        type=read_place,
        help="folder in the challenge's layout, or a plain folder of photos (each its own encounter); also an address "
        "such as s3://bucket/folder or https://host/folder",
    )
    parser.add_argument(
        "--photos",
        type=read_place,
        metavar="FOLDER",
        help="folder or address of the photos, where they do not lie below DATA",
    )
    parser.add_argument(
        "--split",
        help="train, valid or test: which <split>.json to read; not needed for a plain folder of photos",
    )
    parser.add_argument(
        "--out", type=Path, required=True, help=f"folder for {MASKS}/, {ANSWERS} and {MANIFEST}"
    )
    parser.add_argument(
        "--task", choices=TASKS, default="both", help="with cvqa no photo needs to exist (default: both)"
    )
    parser.add_argument(
        "--rank",
        action="store_true",
        help=f"also write {RANKING}: the encounters that are expected to teach most first, and why",
    )
    parser.add_argument(
        "--submission",
        type=Path,
        metavar="FILE.zip",
        help=f"also write the zip to hand in: {MASKS}/ and {ANSWERS}, a task that was left out empty",
    )
    parser.add_argument(
        "--masks",
        choices=("upright", "stored"),
        help="how masks lie of photos that their EXIF data turn (default: as the reference masks below DATA, "
        "upright where there are none)",
    )
    parser.add_argument(
        "--system-name", default="magic-demo", help="written to the manifest (default: magic-demo)"
    )
    parser.add_argument(
        "--language",
        choices=LANGUAGES,
        help="use this language's text alone (default: all the text there is)",
    )
    parser.add_argument(
        "--segmentation", default=str(DEFAULT_SEGMENTATION), help="checkpoint folder or Hub id, or 'none'"
    )
    parser.add_argument(
        "--answers",
        default=str(DEFAULT_ANSWERS),
        help="checkpoint folder or Hub id of any answerer, or 'none'",
    )
    add_language_arguments(parser)
    parser.add_argument("--cues", default=str(DEFAULT_CUES), help="cue model's checkpoint folder, or 'none'")
    parser.add_argument(
        "--all-photos",
        action="store_true",
        help="let photos have a say in the answers that are unlike those which the answerer was tested on",
    )
    parser.add_argument(
        "--prompt",
        choices=PROMPTS,
        help="what the segmentation is asked with: the patient's words, or these and the clinicians' responses "
        "(default: what the checkpoint was trained with)",
    )
    add_views_argument(parser)
    add_backend_argument(parser)
    add_questions_argument(parser)
    parser.add_argument(
        "--pictures", action="store_true", help=f"write each photo with its outline to {PICTURES}/ as well"
    )
    parser.add_argument(
        "--bundle",
        action="store_true",
        help=f"write all that the models say to {BUNDLE}/ as well, to review without a model",
    )
    parser.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="let N processes share the work, each with the models in memory and one core; the files are the same "
        "for every N (default: this process alone, on all cores)",
    )
    parser.add_argument(
        "--ray",
        metavar="ADDRESS",
        help="let actors of a Ray cluster share the work, one a processor or --workers in all: 'auto', HOST:PORT, or "
        "'local' for Ray on this machine; every machine sees DATA and OUT under the same path (needs the extra 'ray')",
    )
    parser.add_argument(
        "--shard",
        type=Shard.parse,
        metavar="3/8",
        help="do the third of eight parts, in OUT/shard-3-of-8: one part a machine, then --merge",
    )
    parser.add_argument(
        "--merge",
        action="store_true",
        help="move what the finished shards below OUT wrote into OUT, and finish the run there",
    )
    parser.add_argument(
        "--restart",
        action="store_true",
        help="remove what the run in --out wrote and begin anew, instead of resuming it",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def choose_models(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return what ``load_predictor`` is asked for.

    The answers are the same with and without masks: an answerer that reads the lesion has its segmentation
    model for ``--task cvqa`` too, which then writes no masks. Raises FormatError where no model is left.
    """
    parts = ("segmentation", "answers", "cues")
    named: dict[str, str | None] = {part: read_model(getattr(arguments, part)) for part in parts}
    if arguments.task == "segmentation":
        named |= {"answers": None, "cues": None}
    captions = read_model(arguments.captions) if named["answers"] is not None else None
    if arguments.task == "cvqa" and (named["answers"] is None or not reads_lesion(named["answers"])):
        named["segmentation"] = None
    left = [name for part, name in named.items() if arguments.task != "cvqa" or part != "segmentation"]
    if not any(left):
        raise FormatError(
            "no model is left for --task {task}; name one in place of 'none'", task=arguments.task
        )
    twice = {"second_pass": arguments.second_pass, "examples": arguments.examples}
    return {**named, **twice, "captions": captions, "masks": arguments.task != "cvqa"}


def load_models(arguments: argparse.Namespace) -> Predictor:
    """Load the models that the command line names, as each worker does too. Raises as ``load_predictor``."""
    questions = read_asked(arguments)
    predictor = load_predictor(**choose_models(arguments), backend=arguments.backend, questions=questions)
    if predictor.segmenter is not None and arguments.tta != "none":
        predictor.segmenter = see_views(predictor.segmenter, arguments.tta)
    if arguments.prompt is not None:
        predictor.prompt_kind = PROMPTS[arguments.prompt]
    return predictor


def choose_engine(arguments: argparse.Namespace) -> Engine:
    """Return who does the cases. Raises FormatError for options that exclude each other."""
    if arguments.workers is not None and arguments.workers < 1:
        raise FormatError("--workers {count}: 1 process or more is expected", count=arguments.workers)
    if arguments.shard is not None and (
        arguments.merge or arguments.submission is not None or arguments.rank
    ):
        raise FormatError(
            "--shard does one part; give --merge, --submission and --rank once all parts are done"
        )
    if arguments.merge and arguments.restart:
        raise FormatError("--merge goes on with what the shards wrote; leave out --restart")
    if arguments.workers is None and arguments.ray is None:
        return work_here
    models = (
        "segmentation",
        "answers",
        "cues",
        "captions",
        "second_pass",
        "examples",
        "task",
        "backend",
        "questions",
        "tta",
        "prompt",
    )
    named = argparse.Namespace(**{name: getattr(arguments, name) for name in models})
    load = partial(load_models, named)
    if arguments.ray is not None:
        return RayActors(arguments.ray, load, arguments.workers)
    return Processes(arguments.workers, load)


def describe_say(predictor: Predictor) -> str:
    """Return one line: which models have a say in the masks and the answers of a run."""
    names = {
        "segmentation": "masks",
        "cvqa": "answers from photos",
        "cues": "answers from words",
        "captions": "captions",
    }
    if not predictor.gives_masks:
        names["segmentation"] = "lesions for the answers"
    return "; ".join(f"{names[part]}: {model}" for part, model in predictor.models.items())


def run(arguments: argparse.Namespace) -> int:
    """Run ``predict``; returns 0 when all went well, 3 when it finished with problems (each named), 130 when
    stopped."""
    here = isinstance(arguments.data, Path)
    if here and not arguments.data.exists():  # said before models load
        raise FormatError(
            "{data}: no such file or folder; a challenge folder, its JSON file or a folder of "
            "photos is expected",
            data=arguments.data,
        )
    if here and arguments.data.is_file():
        refuse_other_file(arguments.data)
    if arguments.submission is not None:
        check_target(arguments.submission)
        if arguments.questions is not None:
            raise FormatError(
                "--submission answers the challenge's questions; leave out --questions or --submission"
            )
    engine = choose_engine(arguments)
    if isinstance(engine, Processes):
        engine.warm_up()
    predictor = load_models(arguments)
    if arguments.tta != "none":
        print(describe_views(arguments.tta))
    print(describe_say(predictor))
    try:
        report = predict_folder(
            arguments.data,
            arguments.out,
            predictor,
            split=arguments.split,
            photos=arguments.photos,
            language=arguments.language,
            system_name=arguments.system_name,
            pictures=arguments.pictures,
            bundle=arguments.bundle,
            masks=arguments.masks,
            all_photos=arguments.all_photos,
            restart=arguments.restart,
            quiet=arguments.quiet,
            engine=engine,
            shard=arguments.shard,
            merge=arguments.merge,
        )
    except KeyboardInterrupt:
        print("stopped: what is finished is kept; the same command goes on from there", file=sys.stderr)
        return EXIT_STOPPED
    print(
        f"{report.encounters} encounters ({report.done_now} predicted now), {report.masks} masks, written "
        f"to {arguments.out}"
    )
    if report.done_now:
        print(report.describe_throughput())
    if arguments.rank:
        print(f"what teaches most: {write_ranking(arguments.out, report.files.encounters)}")
    short = 0
    if arguments.submission is not None:
        submission = write_submission(arguments.submission, arguments.out, report.files)
        short = report_submission(arguments.submission, submission)
    if report.problems:
        print(
            f"{len(report.problems)} problem(s), listed above and in {arguments.out / MANIFEST}",
            file=sys.stderr,
        )
    return EXIT_WITH_PROBLEMS if report.problems or short else EXIT_DONE
