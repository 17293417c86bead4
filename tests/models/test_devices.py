"""A GPU that is asked for and absent is an error with the way out."""

import pytest
import torch

from sartext.errors import ModelError
from sartext.models.model import device_of

without_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")


def test_the_cpu_is_always_there():
    assert device_of("cpu") == torch.device("cpu")


def test_auto_takes_what_there_is():
    assert device_of("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


@without_gpu
@pytest.mark.parametrize("name", ["cuda", "cuda:1"])
def test_a_gpu_that_is_absent_is_told(name):
    with pytest.raises(ModelError, match=r"a GPU is asked for .*training\.device"):
        device_of(name)


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "cpu:0", ""])
def test_unknown_names_are_told(name):
    with pytest.raises(ModelError, match="no device"):
        device_of(name)
