"""The audience board: rooms, one answer each, what is shown, and what is forgotten."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from magic_demo.core.errors import BoardError
from magic_demo.page.workshop.room import (
    IDLE_SECONDS,
    MAX_PARTICIPANTS,
    MAX_ROOMS,
    PRESENT_SECONDS,
    Board,
    Opened,
    agree_in_pairs,
)

OPTIONS = (4, 8, 3)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def board(clock: Clock) -> Board:
    return Board(OPTIONS, cases=3, clock=clock)


def vote(board: Board, room: Opened, token: str, option: int) -> None:
    seat = board.sit(room.code, token)
    board.answer(room.code, token, seat.case, seat.index, option)


def reason_of(error: pytest.ExceptionInfo[BoardError]) -> str:
    assert "\n" not in str(error.value)
    return error.value.reason


def test_answers_are_counted_once_a_participant_and_may_change(board: Board) -> None:
    room = board.open()
    tokens = [board.join(room.code) for _ in range(3)]
    for token, option in zip(tokens, (2, 2, 1), strict=True):
        vote(board, room, token, option)
    vote(board, room, tokens[2], 0)
    shown = board.stand(room.code, room.key)
    assert shown.counts == (1, 0, 2, 0) and shown.answered == shown.present == 3
    assert shown.agreement == pytest.approx(1 / 3)
    assert board.sit(room.code, tokens[2]).own == 0


def test_an_answer_can_change_until_the_presenter_moves_on_and_again_when_the_question_is_asked_again(
    board: Board,
) -> None:
    room = board.open()
    token = board.join(room.code)
    vote(board, room, token, 1)
    board.turn(room.code, room.key, case=0, index=1)
    with pytest.raises(BoardError) as raised:
        board.answer(room.code, token, 0, 0, 2)
    assert reason_of(raised) == "closed"
    vote(board, room, token, 7)
    assert board.turn(room.code, room.key, case=0, index=0).counts == (0, 1, 0, 0), (
        "what was answered before is still there"
    )
    vote(board, room, token, 2)
    assert board.stand(room.code, room.key).counts == (0, 0, 1, 0)


def test_revealing_the_model_closes_the_question_and_no_other(board: Board) -> None:
    room = board.open()
    token = board.join(room.code)
    assert not board.stand(room.code, room.key).revealed
    assert board.reveal(room.code, room.key).revealed
    assert not board.sit(room.code, token).open
    with pytest.raises(BoardError, match="closed"):
        vote(board, room, token, 0)
    assert not board.turn(room.code, room.key, case=0, index=1).revealed
    assert not board.turn(room.code, room.key, case=1, index=0).revealed
    assert board.turn(room.code, room.key, case=0, index=0).revealed


def test_only_the_browser_that_opened_a_room_leads_it(board: Board) -> None:
    room, other = board.open(), board.open()
    for key in (other.key, "", "é"):
        with pytest.raises(BoardError):
            board.turn(room.code, key, case=0, index=1)
        with pytest.raises(BoardError):
            board.reveal(room.code, key)
        with pytest.raises(BoardError):
            board.stand(room.code, key)
        board.close(room.code, key)
    assert board.stand(room.code, room.key).index == 0


@pytest.mark.parametrize("code", ["", "0000", "99999", "no"])
def test_a_wrong_code_opens_nothing(board: Board, code: str) -> None:
    board.open()
    with pytest.raises(BoardError) as raised:
        board.join(code)
    assert reason_of(raised) == "gone"


def test_a_token_of_one_room_is_worth_nothing_in_another(board: Board) -> None:
    one, other = board.open(), board.open()
    token = board.join(one.code)
    with pytest.raises(BoardError):
        board.sit(other.code, token)


@pytest.mark.parametrize(("case", "index"), [(3, 0), (-1, 0), (0, 3), (0, -1)])
def test_cases_and_questions_that_do_not_exist_are_refused(board: Board, case: int, index: int) -> None:
    room = board.open()
    with pytest.raises(BoardError) as raised:
        board.turn(room.code, room.key, case=case, index=index)
    assert reason_of(raised) == "invalid"


@pytest.mark.parametrize("option", [-1, 4, 10**9])
def test_options_that_do_not_exist_are_refused(board: Board, option: int) -> None:
    room = board.open()
    token = board.join(room.code)
    with pytest.raises(BoardError) as raised:
        board.answer(room.code, token, 0, 0, option)
    assert reason_of(raised) == "invalid"
    assert board.stand(room.code, room.key).answered == 0


def test_a_room_and_all_its_answers_are_gone_when_it_is_closed_or_idle(board: Board, clock: Clock) -> None:
    closed, idle, used = board.open(), board.open(), board.open()
    token = board.join(used.code)
    board.close(closed.code, closed.key)
    board.close(closed.code, closed.key)
    clock.now = IDLE_SECONDS - 1
    board.sit(used.code, token)
    clock.now = IDLE_SECONDS + 1
    assert len(board) == 1
    for room in (closed, idle):
        with pytest.raises(BoardError):
            board.stand(room.code, room.key)
    assert board.stand(used.code, used.key).present == 1


def test_the_number_of_rooms_and_of_participants_is_bounded(board: Board) -> None:
    shown = board.open()
    for _ in range(2 * MAX_ROOMS):
        board.open()
        board.stand(shown.code, shown.key)
    assert len(board) == MAX_ROOMS, "a room that is looked at stays"
    for _ in range(MAX_PARTICIPANTS):
        board.join(shown.code)
    with pytest.raises(BoardError) as raised:
        board.join(shown.code)
    assert reason_of(raised) == "full"


def test_who_left_is_not_present_but_the_answer_stays(board: Board, clock: Clock) -> None:
    room = board.open()
    answered, silent = board.join(room.code), board.join(room.code)
    vote(board, room, answered, 1)
    clock.now = PRESENT_SECONDS + 1
    shown = board.stand(room.code, room.key)
    assert (shown.present, shown.answered) == (1, 1)
    board.sit(room.code, silent)
    assert board.stand(room.code, room.key).present == 2


def test_alpha_needs_two_cases_and_is_of_one_question(board: Board) -> None:
    room = board.open()
    tokens = [board.join(room.code) for _ in range(3)]
    for token in tokens:
        vote(board, room, token, 1)
    assert (board.stand(room.code, room.key).alpha, board.stand(room.code, room.key).alpha_cases) == (None, 1)
    board.turn(room.code, room.key, case=0, index=2)
    for token in tokens:
        vote(board, room, token, 0)
    assert board.stand(room.code, room.key).alpha_cases == 1, "another question of the case is no second case"
    board.turn(room.code, room.key, case=1, index=0)
    for token in tokens:
        vote(board, room, token, 3)
    shown = board.stand(room.code, room.key)
    assert shown.alpha == pytest.approx(1.0) and shown.alpha_cases == 2
    vote(board, room, tokens[0], 1)
    partly = board.stand(room.code, room.key).alpha
    assert partly is not None and 0 < partly < 1


def test_the_overview_has_the_agreement_on_every_question_of_the_case(board: Board) -> None:
    room = board.open()
    tokens = [board.join(room.code) for _ in range(2)]
    for token in tokens:
        vote(board, room, token, 1)
    board.turn(room.code, room.key, case=0, index=2)
    for token, option in zip(tokens, (0, 1), strict=True):
        vote(board, room, token, option)
    assert board.stand(room.code, room.key).agreements == (1.0, None, 0.0)


@given(st.lists(st.integers(0, 4), max_size=12))
def test_agreement_is_the_share_of_pairs_that_answered_alike(answers: list[int]) -> None:
    pairs = list(combinations(answers, 2))
    expected = sum(one == other for one, other in pairs) / len(pairs) if pairs else None
    assert agree_in_pairs([answers.count(option) for option in range(5)]) == (
        pytest.approx(expected) if pairs else None
    )


def test_many_threads_lose_no_answer() -> None:
    board = Board(OPTIONS, cases=1)
    room = board.open()

    def take_part(number: int) -> None:
        token = board.join(room.code)
        for option in range(4):
            board.answer(room.code, token, 0, 0, option)
        board.answer(room.code, token, 0, 0, number % 4)
        board.stand(room.code, room.key)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(take_part, range(100)))
    shown = board.stand(room.code, room.key)
    assert shown.counts == (25, 25, 25, 25) and shown.present == 100
