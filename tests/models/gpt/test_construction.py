"""Building a SAR-GPT: the tower as transformers has it; adapters that learn alone and are merged."""

from pathlib import Path
from typing import Any

import pytest
import torch

from sartext.errors import ModelError
from sartext.models.gpt.checkpoint import load_gpt, save_gpt
from sartext.models.gpt.construction import add_adapters, convert_tower, merge
from sartext.models.gpt.model import Gpt
from sartext.models.model import Model
from tests.models.gpt.making import SIDE, tiny_gpt, tower

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


def states_of_open_clip(model: Model, pixels: torch.Tensor) -> list[torch.Tensor]:
    """What goes into the first block, and what comes out of each, by hooks on open_clip's own forward pass."""
    found: list[torch.Tensor] = []
    visual: Any = model.network.visual
    blocks = visual.transformer.resblocks
    hooks = [blocks[0].register_forward_pre_hook(lambda _, inputs: found.append(inputs[0]))]
    hooks += [block.register_forward_hook(lambda *arguments: found.append(arguments[-1])) for block in blocks]
    with torch.no_grad():
        visual(pixels)
    for hook in hooks:
        hook.remove()
    return [state if blocks[0].attn.batch_first else state.transpose(0, 1) for state in found]


@pytest.mark.parametrize("quick", [False, True])
@pytest.mark.parametrize("vision", [{}, {"patch_size": 16, "layers": 1}, {"mlp_ratio": 2.0}])
def test_every_hidden_state_equals_open_clips(quick: bool, vision: dict[str, Any]) -> None:
    model = tower(quick_gelu=quick, vision=vision)
    pixels = torch.randn(5, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    converted = convert_tower(model)
    with torch.no_grad():
        found = converted(pixels, output_hidden_states=True)
        theirs = model.network.visual(pixels)
    expected = states_of_open_clip(model, pixels)
    assert len(found.hidden_states) == len(expected)
    for state, other in zip(found.hidden_states, expected, strict=True):
        assert other.abs().max() > 0.1
        torch.testing.assert_close(state, other, atol=1e-5, rtol=1e-5)
    # the pooled feature goes through the last layer norm, and in open_clip through a projection
    torch.testing.assert_close(found.pooler_output @ model.network.visual.proj, theirs, atol=1e-5, rtol=1e-5)
    assert converted.config.hidden_act == ("quick_gelu" if quick else "gelu")


def test_the_activation_matters() -> None:
    pixels = torch.randn(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        gelu, quick_gelu = (
            convert_tower(tower(quick_gelu=quick))(pixels).last_hidden_state for quick in (False, True)
        )
    assert (gelu - quick_gelu).abs().max() > 1e-3


def test_the_clip_is_not_changed_and_shares_nothing() -> None:
    model = tower()
    before = {name: value.clone() for name, value in model.network.state_dict().items()}
    converted = convert_tower(model)
    with torch.no_grad():
        for parameter in converted.parameters():
            parameter.zero_()
    assert all(torch.equal(before[name], value) for name, value in model.network.state_dict().items())


@pytest.mark.parametrize(
    ("model", "what"),
    [
        (lambda: tower("coca"), "attn_pool"),
        (lambda: tower(vision={"ls_init_value": 0.1}), "ls_1"),
        (lambda: tower(vision={"no_ln_pre": True}), "pre_layrnorm"),
        (lambda: tower(vision={"layers": [1, 1, 1, 1], "width": 8, "head_width": 8}), "ModifiedResNet"),
    ],
)
def test_a_tower_that_transformers_has_no_name_for_is_refused(model: Any, what: str) -> None:
    with pytest.raises(ModelError, match=what):
        convert_tower(model())
