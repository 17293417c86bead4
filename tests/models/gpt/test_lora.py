"""Adapters on the language model: nothing at first, learned alone, merged to the same model without them."""

from pathlib import Path

import pytest
import torch

from sartext.errors import ModelError
from sartext.models.gpt.checkpoint import load_gpt, save_gpt
from sartext.models.gpt.construction import add_adapters, merge
from sartext.models.gpt.model import Gpt
from tests.models.gpt.making import tiny_gpt

TARGETS = ("q_proj", "dense", "fc1", "fc2")


def logits(model: Gpt) -> torch.Tensor:
    """What a model says to some tokens."""
    ids = torch.arange(4, 24)[None]
    with torch.no_grad():
        return model.network.eval()(input_ids=ids).logits


def adapted(targets: tuple[str, ...] = TARGETS) -> Gpt:
    """A model whose adapters have moved."""
    model = tiny_gpt()
    add_adapters(model, rank=4, alpha=8.0, dropout=0.1, targets=targets, seed=3)
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for name, parameter in model.network.named_parameters():
            if "lora_B" in name:
                parameter.copy_(0.1 * torch.randn(parameter.shape, generator=generator))
    return model


def test_adapters_say_nothing_before_they_learn() -> None:
    model = tiny_gpt()
    before = logits(model)
    add_adapters(model, rank=4, alpha=8.0, dropout=0.1, targets=TARGETS, seed=3)
    torch.testing.assert_close(logits(model), before)


def test_adapters_alone_learn_in_the_language_model() -> None:
    language = adapted().network.model.language_model
    assert {name for name, parameter in language.named_parameters() if parameter.requires_grad} == {
        name for name, _ in language.named_parameters() if "lora_" in name
    }
    sizes = [parameter.shape for name, parameter in language.named_parameters() if "lora_A" in name]
    assert len(sizes) == 2 * len(TARGETS) and all(size[0] == 4 for size in sizes)


def test_merged_weights_equal_the_adapters_outputs(tmp_path: Path) -> None:
    model, plain = adapted(), tiny_gpt()
    expected = logits(model)
    assert (expected - logits(plain)).abs().max() > 1e-2
    merge(model)
    torch.testing.assert_close(logits(model), expected, atol=1e-5, rtol=1e-5)
    assert model.network.state_dict().keys() == plain.network.state_dict().keys()
    save_gpt(model, tmp_path / "model")
    assert not list((tmp_path / "model").glob("adapter*"))
    torch.testing.assert_close(logits(load_gpt(tmp_path / "model")), expected, atol=1e-5, rtol=1e-5)


def test_the_seed_decides() -> None:
    first, other = adapted().network.state_dict(), adapted().network.state_dict()
    assert all(torch.equal(first[name], other[name]) for name in first)


def test_a_model_without_adapters_is_merged_to_itself() -> None:
    model = tiny_gpt()
    before = {name: value.clone() for name, value in model.network.state_dict().items()}
    merge(model)
    assert all(torch.equal(before[name], value) for name, value in model.network.state_dict().items())


def test_an_unknown_layer_is_named() -> None:
    with pytest.raises(
        ModelError, match=r"no linear layer 'o_proj'; it has dense, fc1, fc2, k_proj, q_proj, v_proj"
    ):
        add_adapters(tiny_gpt(), rank=4, alpha=8.0, dropout=0.0, targets=["q_proj", "o_proj"], seed=1)
