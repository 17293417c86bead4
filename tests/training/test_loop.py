"""A training takes the steps it says, keeps the best weights and the last, and stops where it cannot go on."""

import math
from collections.abc import Mapping
from copy import deepcopy
from types import SimpleNamespace
from typing import Any
from unittest.mock import create_autospec

import pytest
import torch
from open_clip_train.scheduler import cosine_lr
from torch import Tensor

from sartext.errors import DivergenceError, ModelError, TrainingError
from sartext.models.model import Model, normalise
from sartext.training.callbacks import Callback
from sartext.training.distribution import Processes
from sartext.training.fit import Fit
from sartext.training.gradients import Objective, Pairs, Trained, compute_gradients
from sartext.training.optimisation import adamw, learning_rate_at
from tests.models.making import states_equal
from tests.training.toy import ToyBatches, toy_batch, toy_model, toy_parameters, trained


def losses_of(fitted: Fit, curve: str = "steps") -> list[float]:
    return [figures["loss"] for figures in fitted.curves[curve]]


def pairs_of(model: Model) -> Pairs:
    batch = toy_batch(model, 8)
    return Pairs(normalise(batch.images, model), batch.tokens, batch.keys)


def gradients_of(model: Model, parts: int, *, equal_facts: bool = True) -> dict[str, Tensor]:
    objective = Objective(1.0, 2.0, equal_facts, model.tokenizer.pad)
    model.network.train()
    model.network.zero_grad()
    torch.manual_seed(5)
    compute_gradients(Trained(model.network, objective), pairs_of(model), objective, Processes(), parts)
    weights = dict(model.network.named_parameters())
    return {name: weight.grad.clone() for name, weight in weights.items() if weight.grad is not None}


@pytest.mark.parametrize("kind", ["clip", "coca"])
@pytest.mark.parametrize("equal_facts", [True, False])
def test_a_batch_in_parts_has_the_gradients_of_the_whole(kind: str, equal_facts: bool) -> None:
    model = toy_model(kind)
    whole = gradients_of(model, 1, equal_facts=equal_facts)
    parts = gradients_of(model, 4, equal_facts=equal_facts)
    assert whole.keys() == parts.keys() == dict(model.network.named_parameters()).keys()
    for name, expected in whole.items():
        torch.testing.assert_close(parts[name], expected, rtol=1e-4, atol=1e-6, msg=name)


def test_in_parts_what_dropout_leaves_out_is_the_same_both_times() -> None:
    model = toy_model("clip", patch_dropout=0.5)
    torch.testing.assert_close(gradients_of(model, 4), gradients_of(model, 4), rtol=0, atol=0)
    # the features that the loss saw are those that the gradients flow into
    objective = Objective(1.0, 0.0, True, model.tokenizer.pad)
    network, seen = Trained(model.network, objective), []
    network.register_forward_hook(lambda _, __, out: seen.append(out[0].detach()))
    compute_gradients(network, pairs_of(model), objective, Processes(), 2)
    assert torch.equal(torch.cat(seen[:2]), torch.cat(seen[2:]))


def test_gradient_checkpointing_changes_nothing_but_memory() -> None:
    plain = trained(toy_model(), steps=3)
    thrifty = trained(toy_model(), steps=3, gradient_checkpointing=True)
    assert losses_of(thrifty) == pytest.approx(losses_of(plain), rel=1e-5)


def test_the_learning_rate_is_open_clips_cosine() -> None:
    optimiser = SimpleNamespace(param_groups=[{}])
    schedule = cosine_lr(optimiser, 0.5, 10, 100)
    assert [learning_rate_at(step, 100, 0.5, 0.1) for step in range(1, 101)] == pytest.approx(
        [schedule(step) for step in range(100)]
    )
    assert learning_rate_at(1, 5, 0.5, 0.0) == 0.5


def test_weight_decay_spares_gains_biases_and_temperature() -> None:
    network = toy_model().network
    spared, decayed = (
        {id(weight) for weight in group["params"]} for group in adamw(network, toy_parameters()).param_groups
    )
    for name, parameter in network.named_parameters():
        small = parameter.ndim < 2 or "ln_" in name or "bias" in name or name == "logit_scale"
        assert id(parameter) in (spared if small else decayed), name


@pytest.mark.parametrize("kind", ["clip", "coca"])
def test_a_training_learns(kind: str) -> None:
    fitted = trained(toy_model(kind), steps=40)
    losses, validated = losses_of(fitted), losses_of(fitted, "validations")
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])
    assert validated[-1] < validated[0]
    assert fitted.samples == 320 and fitted.steps == 40 and fitted.stopped == "complete"


def test_the_same_training_gives_the_same_bytes_and_leaves_torch_as_it_was() -> None:
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    models = [toy_model(), toy_model()]
    for model in models:
        torch.rand(3)
        trained(model, steps=5)
    assert states_equal(*models)
    assert (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()) == before


def test_a_callback_gets_every_step_and_validation() -> None:
    callback = create_autospec(Callback, instance=True)
    trained(toy_model(), steps=6, callback=callback)
    steps = [call.args for call in callback.step.call_args_list]
    validations = [call.args for call in callback.validated.call_args_list]
    assert [(step, samples) for step, samples, _ in steps] == [(step, step * 8) for step in range(1, 7)]
    assert [step for step, _, _ in validations] == [4, 6]
    named = {"loss", "contrastive", "caption", "learning_rate", "gradient_norm", "waited_share"}
    assert all(metrics.keys() == named for _, _, metrics in steps)
    scored = {"loss", "contrastive", "caption", "mean_recall"}
    assert all(metrics.keys() == scored for _, _, metrics in validations)


def test_the_best_weights_are_those_of_the_lowest_validation_loss() -> None:
    model, seen = toy_model(), {}

    class Cloning(Callback):
        def validated(self, step: int, samples: int, metrics: Mapping[str, float]) -> None:
            seen[step] = deepcopy(model.network.state_dict())

    # so high a learning rate that the lowest loss is not the last one
    fitted = trained(model, rate=0.1, validate_every=8, warmup=0.0, callback=Cloning())
    losses = {figures["step"]: figures["loss"] for figures in fitted.curves["validations"]}
    assert list(losses) == list(seen) == list(range(1, 9))
    assert fitted.best_step == min(losses, key=losses.__getitem__) < 8
    torch.testing.assert_close(fitted.best, seen[fitted.best_step], rtol=0, atol=0)
    last = dict(model.network.state_dict())
    assert not torch.equal(fitted.best["visual.conv1.weight"], last["visual.conv1.weight"])
    torch.testing.assert_close(last, seen[8], rtol=0, atol=0)


def test_the_optimiser_sees_gradients_of_at_most_the_clip_norm(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, seen = torch.optim.AdamW.step, []

    def step(optimiser: torch.optim.AdamW, *arguments: Any) -> Any:
        every = [weight.grad for group in optimiser.param_groups for weight in group["params"]]
        seen.append(float(torch.cat([weight.flatten() for weight in every]).norm()))
        return plain(optimiser, *arguments)

    monkeypatch.setattr(torch.optim.AdamW, "step", step)
    unclipped = trained(toy_model(), steps=1, clip_norm=1e6).curves["steps"][0]["gradient_norm"]
    assert unclipped == pytest.approx(seen.pop(), rel=1e-5) and unclipped > 1
    clipped = trained(toy_model(), steps=4, clip_norm=0.5)
    norms = [figures["gradient_norm"] for figures in clipped.curves["steps"]]
    assert seen == pytest.approx([0.5] * 4, rel=1e-3)
    assert norms[0] == unclipped and min(norms) > 0.5


def test_it_stops_when_patience_is_over() -> None:
    # so high a learning rate that validation soon worsens
    fitted = trained(toy_model(), steps=60, rate=0.9, validate_every=8, patience=2, warmup=0.0)
    assert fitted.stopped == "patience" and fitted.steps < 60
    assert fitted.steps == fitted.curves["validations"][-1]["step"]
    since = [figures for figures in fitted.curves["validations"] if figures["step"] > fitted.best_step]
    assert len(since) == 2


@pytest.mark.parametrize("pairs", [0, 1])
def test_without_enough_validation_pairs_the_last_weights_are_the_best(pairs: int) -> None:
    model = toy_model()
    fitted = trained(model, steps=3, validation=[toy_batch(model, pairs)] if pairs else [])
    assert fitted.curves["validations"] == [] and fitted.best_step == 3
    torch.testing.assert_close(fitted.best, dict(model.network.state_dict()), rtol=0, atol=0)


def test_the_temperature_stays_within_its_bounds() -> None:
    model = toy_model("clip")
    with torch.no_grad():
        model.network.logit_scale.fill_(9.0)
    trained(model, steps=1)
    assert float(model.network.logit_scale.detach()) <= math.log(100) + 1e-6


class Poisoned(ToyBatches):
    """A source whose pictures have spoilt the weights before the third step."""

    def from_step(self, step: int) -> Any:
        for batch in super().from_step(step):
            if batch.step == 2:
                with torch.no_grad():
                    self.model.network.visual.conv1.weight[0, 0, 0, 0] = float("nan")
            yield batch


def test_a_loss_that_is_no_number_stops_with_the_step_and_the_images() -> None:
    model = toy_model()
    callback = create_autospec(Callback, instance=True)
    with pytest.raises(TrainingError, match="is nan at step 3") as caught:
        trained(model, source=Poisoned(model, 8), validation=[], callback=callback)
    for number in range(8):
        assert f"toy/2-{number}" in str(caught.value)
    assert callback.step.call_count == 2


@pytest.mark.parametrize("kind", ["clip", "coca"])
def test_a_validation_loss_that_is_no_number_stops_with_the_step(kind: str) -> None:
    model = toy_model(kind)

    class Overflowing(Callback):
        """Spoils the weights after the second step, before its validation."""

        def step(self, step: int, samples: int, metrics: Mapping[str, float]) -> None:
            if step == 2:
                with torch.no_grad():
                    model.network.visual.conv1.weight.fill_(float("nan"))

    with pytest.raises(DivergenceError, match=r"of the validation pairs is nan at step 2; lower"):
        trained(model, validate_every=16, callback=Overflowing())


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_refused() -> None:
    with pytest.raises(ModelError, match="a GPU is asked for"):
        trained(toy_model(), device="cuda")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
@pytest.mark.parametrize("kind", ["clip", "coca"])
def test_on_a_gpu_in_bf16_the_loss_curve_is_that_of_the_cpu(kind: str) -> None:
    cpu = trained(toy_model(kind), device="cpu")
    gpu = trained(toy_model(kind), device="cuda", precision="bf16", accumulate=2)
    assert losses_of(gpu) == pytest.approx(losses_of(cpu), rel=0.03)
