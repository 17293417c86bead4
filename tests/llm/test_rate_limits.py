"""Rate limits: held to for as long as the endpoint says, or the parameters, and not without end."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from sartext.errors import EndpointError
from sartext.llm.endpoint import wanted_wait
from sartext.llm.stage import rewrite_corpus

from .making import captions, pairs_project
from .server import Reply, Request, Server, obedient


@pytest.mark.parametrize("as_date", [False, True])
def test_a_rate_limit_holds_all_requests_back_for_as_long_as_it_says(tmp_path, as_date):
    limited: list[float] = []

    def behave(request: Request) -> Reply:
        if limited:
            return obedient(request)
        until = datetime.now(UTC) + timedelta(seconds=2)
        limited.append(until.timestamp() // 1 if as_date else request.time + 1)
        return Reply(
            status=429, headers=(("Retry-After", format_datetime(until, usegmt=True) if as_date else "1"),)
        )

    with Server(behave) as server:
        project = pairs_project(tmp_path, captions(12), url=server.url, endpoint={"concurrency": 1})
        assert rewrite_corpus(project, "c")["captions"] == 12
    assert min(request.time for request in server.requests[1:]) >= limited[0] - 0.05


def test_no_more_requests_are_sent_in_a_minute_than_the_parameters_say(tmp_path):
    slow = {"requests_per_minute": 600, "concurrency": 1}
    with Server(obedient) as server:
        project = pairs_project(tmp_path, captions(6), url=server.url, endpoint=slow)
        assert rewrite_corpus(project, "c")["captions"] == 6
    times = sorted(request.time for request in server.requests)
    assert times[-1] - times[0] >= 0.39, "a tenth of a second lies between the turns of two"


def test_a_rate_limit_beyond_patience_stops_the_run(tmp_path):
    with Server(lambda request: Reply(status=429, headers=(("Retry-After", "3600"),))) as server:
        project = pairs_project(tmp_path, captions(3), url=server.url)
        with pytest.raises(EndpointError, match="limits the rate"):
            rewrite_corpus(project, "c")


def test_a_rate_limit_that_asks_for_no_wait_is_waited_out_all_the_same(tmp_path):
    endpoint = {"patience_seconds": 0.2, "backoff_seconds": 0.02}
    with Server(lambda request: Reply(status=429, headers=(("Retry-After", "0"),))) as server:
        rewriting = {"budget": {"requests": 300, "tokens": 10**9}}
        project = pairs_project(
            tmp_path, ["a river is near a lake"], url=server.url, rewriting=rewriting, endpoint=endpoint
        )
        with pytest.raises(EndpointError, match="limits the rate"):
            rewrite_corpus(project, "c")
    assert len(server.requests) < 30


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"retry-after": " 0.5 "}, 0.5),
        ({"Retry-After-Ms": "250", "Retry-After": "9"}, 0.25),
        ({"Retry-After": "Mon, 30 Nov 2026 10:00:30 GMT"}, 30.0),
        ({"Retry-After": "Mon, 30 Nov 2026 09:00:00 GMT"}, 0.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-3"}, None),
        ({"Retry-After": "nan"}, None),
        ({}, None),
    ],
)
def test_how_long_a_server_asks_to_wait(headers, seconds):
    assert wanted_wait(headers, datetime(2026, 11, 30, 10, tzinfo=UTC)) == seconds
