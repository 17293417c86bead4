"""The CLIP inside a CoCa whose image tower open_clip's CoCa cannot take: what compares, for plain open_clip."""

from typing import Any

import torch

from sartext.errors import ModelError
from sartext.models.construction import instantiate
from sartext.models.model import Model
from sartext.models.towers import TokenTower


def clip_part(model: Model, where: object = None) -> Model:
    """Return a CLIP with a CoCa's features of pictures and of texts, as open_clip's own with a tower of timm.

    The CoCa is not changed; what writes captions is left out.

    Args:
        model: a CoCa with a `TokenTower` that pools its last map (``timm_pool: avg``).
        where: its folder, for errors.

    Raises:
        ModelError: it is another model, or its network of timm has layers behind the last map.
    """
    tower = model.network.visual
    if not isinstance(tower, TokenTower) or tower.ln_post is not None:
        raise ModelError(
            "no CoCa with a tower of timm that pools its last map",
            where=where,
            way_out="plain open_clip reads others as they are, a CoCa of `coca-lite0` cannot be exported",
        )
    config = model.config["model_cfg"]
    vision = {key: value for key, value in config["vision_cfg"].items() if key != "token_stride"}
    text = {key: value for key, value in config["text_cfg"].items() if key != "output_tokens"}
    ours: dict[str, Any] = {"embed_dim": config["embed_dim"], "vision_cfg": vision, "text_cfg": text}
    ours["custom_text"] = True
    with torch.random.fork_rng(devices=[]):
        network = instantiate(ours, where)
    state = network.state_dict()
    trunk = [name for name in state if name.startswith("visual.trunk.")]
    tensors = list(tower.trunk.state_dict().values())  # in the same order, partly under other names
    if [state[name].shape for name in trunk] != [tensor.shape for tensor in tensors]:
        raise ModelError(
            f"'{vision['timm_model_name']}' has layers behind its last map, so no CLIP has the same features",
            where=where,
            way_out="take a network whose last map is what its classifier pools, such as test_byobnet",
        )
    own = model.network.state_dict()
    taken = {name: own[name] for name in state if name == "logit_scale" or name.startswith("text.")}
    taken |= dict(zip(trunk, tensors, strict=True)) | {"visual.head.proj.weight": tower.pooled.weight.detach()}
    network.load_state_dict(taken)
    whole = {"model_cfg": ours, "preprocess_cfg": model.config["preprocess_cfg"]}
    return Model(network.to(model.device).eval(), model.tokenizer, whole, "clip")
