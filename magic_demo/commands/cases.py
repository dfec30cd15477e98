"""``python -m magic_demo cases``: synthetic encounters in the challenge's layout."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cv2
from tqdm import tqdm

from magic_demo.commands.asked import add_questions_argument, read_asked
from magic_demo.core.disk.whole_files import write_whole
from magic_demo.questions.coverage import match_families
from magic_demo.questions.families import load_challenge
from magic_demo.synthetic.bundled import write_examples
from magic_demo.synthetic.cases import CasesError, draw_contact_sheet, open_folder, write_cases
from magic_demo.synthetic.encounters import SyntheticCase


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``python -m magic_demo cases``."""
    parser.add_argument("out", type=Path, metavar="OUT", help="new or empty folder for the cases")
    amount = parser.add_mutually_exclusive_group()
    amount.add_argument("--count", type=int, default=20, metavar="N", help="how many cases (default 20)")
    amount.add_argument(
        "--photos", type=int, default=None, metavar="N", help="as many cases as have N photos, instead"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="same seed, same cases (default 0)")
    parser.add_argument(
        "--examples", action="store_true", help="write the eight examples that come with the program instead"
    )
    parser.add_argument(
        "--longest",
        type=int,
        default=None,
        metavar="PX",
        help="the photos' longest side, 96 to 4000 (default: varies, 480 to 1600)",
    )
    parser.add_argument(
        "--masks",
        choices=("upright", "stored"),
        default="upright",
        help="whether masks lie as the photos once turned by their EXIF data, or as stored (default: upright)",
    )
    add_questions_argument(parser)
    parser.add_argument(
        "--contact-sheet",
        type=Path,
        default=None,
        metavar="FILE",
        help="also draw the first photos with outlines as one PNG or JPEG",
    )


def run(args: argparse.Namespace) -> int:
    """Run ``python -m magic_demo cases`` and return its exit code."""
    if args.longest is not None and not 96 <= args.longest <= 4000:
        raise CasesError("--longest is {longest}; 96 to 4000 pixels are expected", longest=args.longest)
    if args.contact_sheet is not None and args.contact_sheet.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise CasesError(
            "--contact-sheet is {path}; a name that ends in .png or .jpg is expected",
            path=args.contact_sheet,
        )
    if args.seed < 0:
        raise CasesError("--seed is {seed}; 0 or more is expected", seed=args.seed)
    if args.examples and args.questions is not None:
        raise CasesError("--examples are answered as they come; leave out --examples or --questions")
    asked = read_asked(args)
    if args.examples:
        open_folder(args.out)
        write_examples(args.out)
        print(f"the bundled synthetic examples written to {args.out}")
        return 0
    sheet: list[SyntheticCase] = []
    written = 0
    by_photos = args.photos is not None
    with tqdm(
        total=args.photos if by_photos else args.count,
        unit="photo" if by_photos else "case",
        desc="synthetic cases",
        file=sys.stderr,
    ) as bar:

        def progress(case: SyntheticCase) -> None:
            nonlocal written
            written += 1
            bar.update(len(case.photos) if by_photos else 1)
            if args.contact_sheet is not None and len(sheet) < 60:
                sheet.append(case)

        write_cases(
            args.out,
            count=None if by_photos else args.count,
            photos=args.photos,
            seed=args.seed,
            longest=args.longest,
            masks=args.masks,
            asked=asked,
            progress=progress,
        )
    coverage = match_families(asked, load_challenge().families)
    for line in coverage.describe_fallback(asked.answer({}), "the drawn cases do not answer"):
        print(f"note: {line}", file=sys.stderr)
    if args.contact_sheet is not None:
        _, data = cv2.imencode(
            args.contact_sheet.suffix.lower(), cv2.cvtColor(draw_contact_sheet(sheet), cv2.COLOR_RGB2BGR)
        )
        write_whole(args.contact_sheet, data.tobytes())
    print(f"{written} synthetic cases written to {args.out}")
    return 0
