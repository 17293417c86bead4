"""Building a SAR-GPT: the tower as transformers has it, adapters that are merged, and the language model."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoTokenizer, PhiForCausalLM

from sartext.errors import ModelError
from sartext.files import write_json
from sartext.models.gpt.checkpoint import load_gpt, save_gpt
from sartext.models.gpt.construction import add_adapters, build_gpt, convert_tower, merge
from sartext.models.gpt.language import (
    FOLDER,
    LanguageFoundation,
    build_language,
    fold_head_bias,
    pretrained_tokenizer,
    read_language,
    train_tokenizer,
)
from sartext.models.gpt.model import IMAGE, Gpt, answer, prompt
from sartext.models.model import Model
from tests.models.gpt.making import SIDE, phi_folder, pictures, texts, tiny_gpt, tower
from tests.models.making import same

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
    assert all(("lora_" in name) == parameter.requires_grad for name, parameter in language.named_parameters())
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
    assert same(adapted().network.state_dict(), adapted().network.state_dict())


def test_a_model_without_adapters_is_merged_to_itself() -> None:
    model = tiny_gpt()
    before = deepcopy(model.network.state_dict())
    merge(model)
    assert same(before, model.network.state_dict())


def test_an_unknown_layer_is_named() -> None:
    message = "no linear layer 'o_proj'; it has dense, fc1, fc2, k_proj, q_proj, v_proj"
    with pytest.raises(ModelError, match=message):
        add_adapters(tiny_gpt(), rank=4, alpha=8.0, dropout=0.0, targets=["q_proj", "o_proj"], seed=1)


def states_of_open_clip(model: Model, pixels: torch.Tensor) -> list[torch.Tensor]:
    """What goes into the first block, and what comes out of each, by hooks on open_clip's own forward pass."""
    states: list[torch.Tensor] = []
    visual: Any = model.network.visual
    blocks = visual.transformer.resblocks
    hooks = [blocks[0].register_forward_pre_hook(lambda _, inputs: states.append(inputs[0]))]
    hooks += [block.register_forward_hook(lambda *arguments: states.append(arguments[-1])) for block in blocks]
    with torch.no_grad():
        visual(pixels)
    for hook in hooks:
        hook.remove()
    return [state if blocks[0].attn.batch_first else state.transpose(0, 1) for state in states]


@pytest.mark.parametrize("quick", [False, True])
@pytest.mark.parametrize("vision", [{}, {"patch_size": 16, "layers": 1}, {"mlp_ratio": 2.0}])
def test_every_hidden_state_equals_open_clips(quick: bool, vision: dict[str, Any]) -> None:
    model = tower(quick_gelu=quick, vision=vision)
    pixels = torch.randn(5, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    converted = convert_tower(model)
    with torch.no_grad():
        ours = converted(pixels, output_hidden_states=True)
        theirs = model.network.visual(pixels)
    expected = states_of_open_clip(model, pixels)
    for state, other in zip(ours.hidden_states, expected, strict=True):
        assert other.abs().max() > 0.1
        torch.testing.assert_close(state, other, atol=1e-5, rtol=1e-5)
    # the pooled feature goes through the last layer norm, and in open_clip through a projection
    torch.testing.assert_close(ours.pooler_output @ model.network.visual.proj, theirs, atol=1e-5, rtol=1e-5)
    assert converted.config.hidden_act == ("quick_gelu" if quick else "gelu")


def test_the_clip_is_not_changed_and_shares_nothing() -> None:
    model = tower()
    before = deepcopy(model.network.state_dict())
    converted = convert_tower(model)
    with torch.no_grad():
        for parameter in converted.parameters():
            parameter.zero_()
    assert same(before, model.network.state_dict())


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


def test_the_files_of_the_package() -> None:
    tiny = read_language(FOLDER / "phi-tiny.yaml")
    assert tiny.pretrained is None and tiny.tokenizer == "trained"
    paper = read_language(FOLDER / "phi-2.yaml")
    assert paper.place == "microsoft/phi-2" and paper.tokenizer == "pretrained"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("architecture: clip-tiny\npretrained: null", "no language model's"),
        ("language: phi\ntokenizer: trained", "pretrained"),
        ("language: llama\npretrained: null\ntokenizer: trained", "language"),
        ("language: phi\npretrained: null\ntokenizer: pretrained", "random ones a trained one"),
        ("language: phi\npretrained: a/b\ntokenizer: trained", "need their own tokenizer"),
        ("language: phi\npretrained: null\ntokenizer: trained\nlayer: 3", "did you mean 'layers'"),
        ("language: phi\npretrained: null\ntokenizer: trained\nwidth: 30", "heads do not divide"),
        ("- a", "valid dictionary"),
        (":", "YAML"),
    ],
)
def test_a_file_that_says_something_else_is_refused(tmp_path: Path, text: str, what: str) -> None:
    (tmp_path / "language.yaml").write_text(text)
    with pytest.raises(ModelError, match=what):
        read_language(tmp_path / "language.yaml")


def test_an_absent_file_names_those_of_the_package(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"phi-2\.yaml, phi-tiny\.yaml"):
        read_language(tmp_path / "nothing.yaml")


def test_pretrained_weights_say_what_they_said(tmp_path: Path) -> None:
    """Beside the head's bias, which LLaVA has no place for, the language model is the very same."""
    folder = phi_folder(tmp_path / "phi", head_bias=0.0)
    model = build_gpt(tower(), LanguageFoundation(str(folder), "pretrained"), [], seed=1)
    text = prompt("Is there a ship?", image=False)
    ids = torch.tensor([AutoTokenizer.from_pretrained(folder)(text)["input_ids"]])
    with torch.no_grad():
        theirs = PhiForCausalLM.from_pretrained(folder)(ids).logits
        ours = model.network(input_ids=ids).logits
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-6)
    assert model.network.config.head_bias_lost == 0
    assert model.image_token == model.tokenizer.convert_tokens_to_ids(IMAGE) < theirs.shape[-1]
    assert model.tokenizer.pad_token_id not in (model.tokenizer.eos_token_id, model.image_token)
    assert len(answer(model, pictures(2), ["Is there a ship?"] * 2, length=3)) == 2


def test_a_vocabulary_without_room_for_the_pictures_token_grows(tmp_path: Path) -> None:
    folder = phi_folder(tmp_path / "phi")
    foundation = LanguageFoundation(str(folder), "pretrained")
    tokenizer = pretrained_tokenizer(foundation)
    small = PhiForCausalLM.from_pretrained(folder)
    small.resize_token_embeddings(len(tokenizer) - 1)
    small.save_pretrained(folder)
    grown = build_language(foundation, tokenizer)
    assert grown.config.vocab_size == len(tokenizer) == len(grown.lm_head.weight)


def test_the_heads_bias_moves_into_the_layer_norm(tmp_path: Path) -> None:
    network = PhiForCausalLM.from_pretrained(phi_folder(tmp_path / "phi"))
    hidden = torch.randn(5, 32, generator=torch.Generator().manual_seed(2))
    norm, head = network.model.final_layernorm, network.lm_head
    with torch.no_grad():
        # a bias that a shift can stand for, up to a constant that no probability depends on
        head.bias.copy_(head.weight @ torch.randn(32, generator=torch.Generator().manual_seed(3)) + 0.7)
        before = head(norm(hidden)).log_softmax(-1)
        assert fold_head_bias(network) < 1e-6
        assert not head.bias.any()
        torch.testing.assert_close(head(norm(hidden)).log_softmax(-1), before, atol=1e-5, rtol=1e-5)


def test_what_of_the_heads_bias_is_lost_is_told(tmp_path: Path) -> None:
    network = PhiForCausalLM.from_pretrained(phi_folder(tmp_path / "phi", head_bias=0.5))
    bias, weight = network.lm_head.bias.detach().clone(), network.lm_head.weight.detach()
    before = network.model.final_layernorm.bias.detach().clone()
    lost = fold_head_bias(network)
    shift = network.model.final_layernorm.bias.detach() - before
    rest = bias - weight @ shift
    assert lost == pytest.approx(float((rest - rest.mean()).square().mean().sqrt()), abs=1e-4)
    assert 0 < lost < float(bias.std())


def test_weights_that_cannot_be_had_are_an_error_and_never_random(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be had"):
        build_gpt(tower(), read_language(FOLDER / "phi-2.yaml"), [], seed=1)
    folder = phi_folder(tmp_path / "phi")
    foundation = LanguageFoundation("./phi", "pretrained", source=tmp_path / "language.yaml")
    tokenizer = pretrained_tokenizer(foundation)
    build_language(foundation, tokenizer)
    weights = folder / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-50])
    with pytest.raises(ModelError, match="cannot be read"):
        build_language(foundation, tokenizer)
    weights.unlink()
    with pytest.raises(ModelError, match="not on this machine"):
        build_language(foundation, tokenizer)


def test_incomplete_weights_and_other_families_are_refused(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = phi_folder(tmp_path / "phi")
    foundation = LanguageFoundation(str(folder), "pretrained")
    tokenizer = pretrained_tokenizer(foundation)
    state = load_file(folder / "model.safetensors")
    state.pop("model.layers.1.mlp.fc1.weight")
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"not all there: .*layers\.1\.mlp\.fc1\.weight"):
        build_language(foundation, tokenizer)
    write_json(folder / "config.json", {"model_type": "gpt2"})
    with pytest.raises(ModelError, match="of type 'gpt2'"):
        build_language(foundation, tokenizer)


def test_a_layer_that_the_tower_does_not_have_is_refused() -> None:
    assert tiny_gpt(feature_layer=-4).network.config.vision_feature_layer == -4
    with pytest.raises(ModelError, match="-5 of an image tower of 3 layers"):
        tiny_gpt(feature_layer=-5)


def test_a_tokenizer_needs_texts() -> None:
    with pytest.raises(ModelError, match="no questions"):
        train_tokenizer(["", " "], 400)
    with pytest.raises(ModelError, match="a vocabulary of 10"):
        train_tokenizer(texts(), 10)


def test_the_language_model_is_the_same_with_and_without_pictures() -> None:
    seeing, blind = (tiny_gpt(images=images).network.state_dict() for images in (True, False))
    assert same(seeing, blind)
