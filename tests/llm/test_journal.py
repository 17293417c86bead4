"""The journal of answers: whole after a kill, one run at a time, a budget for all runs together."""

import os
import threading

import pytest

from sartext.config import BudgetParameters
from sartext.errors import EndpointError
from sartext.llm.journal import FILE, Answer, BudgetSpent, Journal, key_of

BUDGET = BudgetParameters(requests=10, tokens=1000)
ANSWER = Answer("A river.", "stop", 40)


def test_answers_and_spending_outlive_the_run(tmp_path):
    with Journal(tmp_path, BUDGET) as journal:
        journal.reserve("a", 100)
        journal.settle(100, 40, key="a", answer=ANSWER)
        journal.reserve("b", 100)
        journal.settle(100, 100)
        journal.keep_failures({"b": "no answer"})
    with Journal(tmp_path, BUDGET) as journal:
        assert journal.answers == {"a": ANSWER}
        assert journal.failures == {"b": "no answer"}
        assert (journal.requests, journal.tokens) == (2, 140)


@pytest.mark.parametrize("kept", [1, 7, 30, 60])
def test_a_line_that_was_cut_off_costs_that_line_alone(tmp_path, kept):
    with Journal(tmp_path, BUDGET) as journal:
        journal.reserve("a", 100)
        journal.settle(100, 40, key="a", answer=ANSWER)
        size = (tmp_path / FILE).stat().st_size
        journal.reserve("b", 100)
        journal.settle(100, 40, key="b", answer=ANSWER)
    os.truncate(tmp_path / FILE, size + kept)
    with Journal(tmp_path, BUDGET) as journal:
        assert "b" not in journal.answers
        journal.reserve("c", 100)
        journal.settle(100, 40, key="c", answer=ANSWER)
    with Journal(tmp_path, BUDGET) as journal:
        assert journal.answers == {"a": ANSWER, "c": ANSWER}


def test_what_was_in_flight_at_a_kill_stays_spent(tmp_path):
    with Journal(tmp_path, BUDGET) as journal:
        journal.reserve("a", 700)
    with Journal(tmp_path, BUDGET) as journal:
        assert (journal.requests, journal.tokens) == (1, 700)
        with pytest.raises(BudgetSpent):
            journal.reserve("b", 400)


def test_a_request_waits_where_others_may_yet_free_its_tokens(tmp_path):
    with Journal(tmp_path, BUDGET) as journal:
        journal.reserve("a", 900)
        waiting = threading.Thread(target=journal.reserve, args=("b", 500))
        waiting.start()
        assert (journal.requests, journal.tokens) == (1, 900)
        journal.settle(900, 40)
        waiting.join(30)
        assert (journal.requests, journal.tokens) == (2, 540)


def test_two_runs_at_once_are_refused(tmp_path):
    with Journal(tmp_path, BUDGET), pytest.raises(EndpointError, match="another run"):
        Journal(tmp_path, BUDGET)


def test_the_address_of_an_answer_is_that_of_its_content():
    assert key_of({"model": "m", "seed": 1}) == key_of({"seed": 1, "model": "m"})
    assert key_of({"model": "m", "seed": 1}) != key_of({"model": "m", "seed": 2})
