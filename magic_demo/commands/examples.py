"""When each command is what you want, and how it is called: what ``--help`` says last."""

from __future__ import annotations

EXAMPLES: dict[str, tuple[str, tuple[str, ...]]] = {
    "serve": (
        "When you want to look at cases, or let readers review a queue of them.",
        ("serve --queue CASES --mode blind", "serve --host 0.0.0.0 --sign-in --store reviews"),
    ),
    "predict": (
        "When a folder is to be predicted without anybody looking on, here or on many machines.",
        (
            "predict DATA --split valid --out OUT --bundle",
            "predict DATA --split test --out OUT --workers 8",
            "predict DATA --split test --out OUT --shard 3/8",
            "predict s3://bucket/data --split test --out OUT",
        ),
    ),
    "submit": (
        "When a run is finished and its zip is to be handed in, or a zip of any team is to be checked.",
        ("submit OUT", "submit --check entry.zip --data DATA --split test"),
    ),
    "backends": ("When you want to know what to give --backend on this machine.", ("backends",)),
    "setup": (
        "When there is no make: it installs what the page needs, the small build without a GPU.",
        ("setup",),
    ),
    "score": (
        "When there are references and you want the organisers' numbers.",
        (
            "score --masks-reference DATA --masks-system OUT/masks_preds --answers-reference GOLD.json "
            "--answers-system OUT/data_cvqa_sys.json",
        ),
    ),
    "cases": (
        "When you want to try something without a patient's photos.",
        ("cases OUT --count 20 --seed 1 --contact-sheet sheet.png",),
    ),
    "queues": (
        "When you want to see how far readers are, or whose cases are whose.",
        (
            "queues list",
            "queues assign CASES --reader ann --reader bo --each 1",
            "queues shuffle CASES --seed 7",
            "queues again CASES --days 28",
        ),
    ),
    "readers": (
        "When somebody is to sign in, to have another role, or to leave.",
        ("readers add ann --role adjudicator", "readers list"),
    ),
    "export": (
        "When reviews are to be used elsewhere: training, other annotation programs, a report.",
        ("export --to OUT --format challenge", "export --to OUT --format coco --queue CASES"),
    ),
    "agreement": (
        "When you want kappa, percent agreement and Dice of readers and model, with intervals.",
        ("agreement --store reviews --predictions OUT/bundle",),
    ),
    "backup": ("Before an update, and every night.", ("backup FILE.zip --store reviews",)),
    "restore": ("When a backup is to become a store again.", ("restore FILE.zip --store NEW_PLACE",)),
    "purge": (
        "When cases are to go after a time; --dry-run says first which.",
        ("purge --older-than 30d --dry-run",),
    ),
    "delete-case": ("When one case has to go, wherever it is kept.", ("delete-case QUEUE CASE",)),
    "audit-trail": ("When you are asked who did what.", ("audit-trail --who ann",)),
    "import-predictions": (
        "When the page is to show another system's output as the model's.",
        ("import-predictions OUT --bundle BUNDLE",),
    ),
    "ensemble": ("When several systems together may be better than each.", ("ensemble A B C --out OUT",)),
    "index": (
        "When the most similar labelled cases are to answer.",
        ("index DATA --out INDEX", "index DATA --out INDEX --photos"),
    ),
    "ask": (
        "When a chat model that runs elsewhere, here or at a vendor, is one of the systems.",
        (
            "ask DATA --split valid --out OUT --endpoint http://127.0.0.1:11434/v1 --model qwen2.5vl --captions --dry-run",
        ),
    ),
    "sample-size": (
        "Before a reader study.",
        ("sample-size --width 0.2 --kappa 0.6",),
    ),
    "label-studio": (
        "When readers annotate in Label Studio and the models are to begin for them.",
        ("label-studio --interface", "label-studio DATA --split valid --port 9090"),
    ),
    "push-to-hub": (
        "When a checkpoint is to be found by others.",
        ("push-to-hub OWNER/NAME --checkpoint FOLDER --dry-run",),
    ),
    "completion": ("Once for each shell.", ("completion bash",)),
    "import-reviews": (
        "When masks or answers were made elsewhere, or exported here.",
        ("import-reviews DIR --queue NAME",),
    ),
}
"""Command -> when, and examples without the program's name."""


def describe_examples(command: str, program: str) -> str:
    """Return the lines for a command, "" where there are none."""
    if command not in EXAMPLES:
        return ""
    when, lines = EXAMPLES[command]
    return "\n".join((when, "", *(f"  {program} {line}" for line in lines)))
