"""Which readings an export takes: of one queue, the finished ones, one a reader and case, and what is left
out and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from magic_demo.core.errors import MagicDemoError
from magic_demo.core.messages import Message, chain
from magic_demo.core.review_types import Review, ReviewKind, SavedReview
from magic_demo.core.types import Answers, EncounterFiles, Prediction
from magic_demo.files.findings import Findings
from magic_demo.questions.families import QuestionSet, load_challenge
from magic_demo.reviews.store.rules import find_unanswered, is_answered

CONSENSUS = "consensus"


class ExportError(MagicDemoError):
    """Nothing can be exported as asked, or what should be read back is no export."""


@dataclass(frozen=True)
class CaseReadings:
    """A case with the readings that are exported of it. files: None where the case's photos and words are not
    at hand."""

    case_id: str
    files: EncounterFiles | None
    readings: tuple[SavedReview, ...]


@dataclass(frozen=True)
class Selection:
    """What is exported.

    annotators: names, in the order of their k in ``ann<k>``; a consensus is the annotator "consensus", after
    the readers.
    tied: case id -> families that its readers tie on, and that no consensus which is exported has decided.
    left_out: what is not exported and why; writers add to it. questions: what the readings answer.
    predictions: case id -> what the models said, where a format takes that. apart: whether each lesion of a mask is
    written by itself, where a format can.
    """

    queue: str
    annotators: tuple[str, ...]
    cases: tuple[CaseReadings, ...]
    left_out: Findings = field(default_factory=Findings)
    tied: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    questions: QuestionSet = field(default_factory=load_challenge)
    predictions: Mapping[str, Prediction] = field(default_factory=dict)
    apart: bool = False

    def number(self, review: Review) -> int:
        """Return the k of a review's annotator."""
        return self.annotators.index(annotator_of(review))


def select_readings(
    reviews: Iterable[SavedReview],
    cases: Iterable[EncounterFiles],
    *,
    readers: Collection[str] = (),
    consensus: bool = False,
    every_kind: bool = False,
    questions: QuestionSet | None = None,
) -> Selection:
    """Choose the newest finished reading of each reader and case; the order of cases is the one of ``cases``,
    then of the reviews.

    readers: these alone, all where empty. consensus: a case that has one is exported with it alone; else
    consensuses are left out.
    every_kind: the newest finished reading of every kind, so that blind and revealed readings and consensuses
    stand side by side. questions: what the reviews answer, the challenge's when None. Raises ExportError when there is none, or when they are of several queues, whose cases
    may share their ids.
    """
    questions = questions or load_challenge()
    rows = sorted(reviews, key=lambda saved: saved.number)
    queues = sorted({saved.review.queue for saved in rows})
    if len(queues) > 1:
        raise ExportError("the reviews are of the queues {queues}; choose one (--queue)", queues=list(queues))
    left_out = Findings()
    chosen = _choose(rows, set(readers), left_out, every_kind=every_kind)
    tied = _find_tied(chosen, questions, decided=consensus or every_kind)
    if not every_kind:
        chosen = _settle_consensus(chosen, left_out, wanted=consensus)
    files = {case.encounter_id: case for case in cases}
    order = dict.fromkeys([*files, *(saved.review.case_id for saved in chosen)])
    found = [CaseReadings(case_id, files.get(case_id), _of_case(chosen, case_id)) for case_id in order]
    taken = tuple(case for case in found if case.readings)
    for saved in (saved_review for case in taken for saved_review in case.readings):
        for name in saved.review.unknown:
            left_out.add("field of a newer version, which this one cannot export", saved.review.case_id, name)
    if not taken:
        why = chain(left_out.lines() or [Message("none was saved")])
        raise ExportError(
            "there is no finished reading to export ({reason}); finish a case first", reason=why
        )
    names = {annotator_of(saved.review) for case in taken for saved in case.readings}
    annotators = (*sorted(names - {CONSENSUS}), *([CONSENSUS] if CONSENSUS in names else []))
    return Selection(
        queues[0],
        annotators,
        taken,
        left_out,
        {case.case_id: tied[case.case_id] for case in taken if tied.get(case.case_id)},
        questions,
    )


def annotator_of(review: Review) -> str:
    """Return whose reading it is: the reader's name, or "consensus" whoever wrote it."""
    return CONSENSUS if review.kind == "consensus" else review.reader


def agree_answers(
    readings: Sequence[SavedReview], questions: QuestionSet
) -> tuple[dict[str, int], list[str]]:
    """Return one answer a question, and the families whose readers tie.

    A family gets the set of options that more readers chose than any other. A family that readers tie on, or
    that nobody answered, is absent: nobody decided it.
    """
    agreed: dict[str, int] = {}
    tied = []
    ordered = sorted(readings, key=lambda saved: annotator_of(saved.review))
    for family in questions.families:
        given = [saved.review.answers for saved in ordered if is_answered(saved.review.answers, family)]
        if not given:
            continue
        sets = [frozenset(answers[question.qid] for question in family.questions) for answers in given]
        counts = Counter(sets)
        most = max(counts.values())
        if sum(count == most for count in counts.values()) > 1:
            tied.append(family.family_id)
            continue
        first = next(answers for answers, labels in zip(given, sets, strict=True) if counts[labels] == most)
        agreed.update({question.qid: first[question.qid] for question in family.questions})
    return agreed, tied


def _find_tied(
    chosen: Sequence[SavedReview], questions: QuestionSet, *, decided: bool
) -> dict[str, tuple[str, ...]]:
    """Return the families that the newest readings of each case tie on; decided: but those that its consensus
    answers, which is exported."""
    newest: dict[str, dict[str, SavedReview]] = {}
    agreed: dict[str, Answers] = {}
    for saved in sorted(chosen, key=lambda saved: saved.number):
        if saved.review.kind == CONSENSUS:
            if decided:
                agreed[saved.review.case_id] = saved.review.answers
        else:
            newest.setdefault(saved.review.case_id, {})[saved.review.reader] = saved
    open_in = {case_id: set(find_unanswered(answers, questions)) for case_id, answers in agreed.items()}
    found = {
        case_id: agree_answers(list(readings.values()), questions)[1] for case_id, readings in newest.items()
    }
    return {
        case_id: tuple(family_id for family_id in tied if family_id in open_in.get(case_id, tied))
        for case_id, tied in found.items()
    }


def _choose(
    rows: Sequence[SavedReview], readers: Collection[str], left_out: Findings, *, every_kind: bool
) -> list[SavedReview]:
    newest: dict[tuple[str, str, ReviewKind | None], SavedReview] = {}
    unfinished: dict[tuple[str, str], SavedReview] = {}
    for saved in rows:
        review = saved.review
        if readers and review.reader not in readers:
            left_out.add(Message("readings of a reader who was not asked for"), review.reader)
            continue
        if review.state != "done":
            unfinished[review.case_id, review.reader] = saved
            continue
        key = review.kind if every_kind or review.kind == CONSENSUS else None
        newest[review.case_id, review.reader if key != CONSENSUS else "", key] = saved
    for (case_id, reader), saved in unfinished.items():
        if not any(
            finished.review.case_id == case_id and finished.review.reader == reader
            for finished in newest.values()
        ):
            left_out.add(Message("reading that is not finished"), case_id, reader)
        elif saved.number > max(
            o.number for o in newest.values() if (o.review.case_id, o.review.reader) == (case_id, reader)
        ):
            left_out.add(
                Message("changes since the last finished reading, which is exported"), case_id, reader
            )
    return sorted(newest.values(), key=lambda saved: saved.number)


def _settle_consensus(
    chosen: Sequence[SavedReview], left_out: Findings, *, wanted: bool
) -> list[SavedReview]:
    with_consensus = {saved.review.case_id for saved in chosen if saved.review.kind == CONSENSUS}
    settled = []
    for saved in chosen:
        is_consensus = saved.review.kind == CONSENSUS
        if wanted and not is_consensus and saved.review.case_id in with_consensus:
            left_out.add(
                Message("reading of a case that is exported with its consensus"),
                saved.review.case_id,
                saved.review.reader,
            )
        elif not wanted and is_consensus:
            left_out.add(Message("consensus, which was not asked for"), saved.review.case_id)
        else:
            settled.append(saved)
    return settled


def _of_case(chosen: Sequence[SavedReview], case_id: str) -> tuple[SavedReview, ...]:
    return tuple(saved for saved in chosen if saved.review.case_id == case_id)
