"""An error: where, what and the way out, on one line whatever it quotes, in another process too."""

import pickle
from pathlib import Path

from sartext.errors import ParameterError


def test_an_error_is_one_line_whatever_it_quotes() -> None:
    error = ParameterError("no stage 'a\nb'", where=Path("params.yaml"), way_out="name\r\n  one")
    assert str(error) == "params.yaml: no stage 'a b'; name one"


def test_an_error_of_a_worker_process_keeps_its_kind_and_its_parts() -> None:
    error = pickle.loads(pickle.dumps(ParameterError("what", where="where", way_out="way out")))
    assert (type(error), error.what, error.where, error.way_out) == (ParameterError, "what", "where", "way out")
