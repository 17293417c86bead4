"""Checkpoints on disk: weights, configuration and tokenizer in one folder that plain open_clip reads too.

``open_clip.create_model_and_transforms("local-dir:FOLDER")`` and ``open_clip.get_tokenizer("local-dir:FOLDER")``
give the same network, preprocessing and ids.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from sartext.errors import ModelError
from sartext.files import atomic_path, sha256_file, write_json
from sartext.models.construction import build, instantiate
from sartext.models.devices import device_of
from sartext.models.folders import AGAIN, HOLDS, folder_of, read_config, way_out
from sartext.models.foundation import read_foundation
from sartext.models.model import Kind, Model, kind_of
from sartext.models.preprocessing import own_preprocess_cfg, preprocess_cfg
from sartext.models.pretrained import (
    CONFIG,
    RECORD,
    WEIGHTS,
    load_weights,
    read_record,
    verify_weights,
    weights_in,
)
from sartext.models.tokenizer import MARK, Tokenizer, clip_tokenizer, read_tokenizer


def start(origin: str, root: Path, tokenizer_folder: Path | None, *, seed: int, side: int | None = None) -> Model:
    """Return the model that a training starts from.

    Args:
        origin: ``from`` of a row of ``checkpoints``: a foundation file or a checkpoint's folder, relative to
            the root.
        root: the project.
        tokenizer_folder: of the trained tokenizer, for foundations that take it.
        seed: of weights that are not read.
        side: width and height in pixels of the pictures that it will be given.

    Raises:
        ModelError: there is no such file or folder, or its model cannot be built or loaded, or takes other
            pictures.
    """
    path = root / origin
    if path.suffix in {".yaml", ".yml"}:
        return build(read_foundation(path), tokenizer_folder, seed=seed, side=side)
    model = load(path)
    if side is not None and side != model.side:
        raise ModelError(
            f"the checkpoint takes pictures of {model.side} pixels, the shards hold {side}",
            where=origin,
            way_out="make `shards.side` in params.yaml equal, and run the stages again",
        )
    # shards are squashed, whatever the checkpoint was trained with before
    model.config["preprocess_cfg"] = preprocess_cfg(model.side, model.config["preprocess_cfg"])
    return model


def load(
    folder: Path | str,
    *,
    device: str | torch.device = "cpu",
    expected_kind: Kind | None = None,
    verify: bool = True,
) -> Model:
    """Read a checkpoint: one of ours, or any folder that open_clip reads as ``local-dir:``.

    Its configuration keeps its own resizing, see ``preprocessing.fit``.

    Args:
        folder: a path, or ``local-dir:`` and a path; holds ``open_clip_config.json``, weights (safetensors, or a
            torch file of tensors only) and, unless the tokenizer is CLIP's, ``tokenizer.json``.
        device: where to put it, see ``device_of``.
        expected_kind: refuse a checkpoint of another kind.
        verify: compare weights, configuration and tokenizer with what ``training.json`` says of them, where that
            is there.

    Returns:
        The model in evaluation mode, with the hash of its weights.

    Raises:
        ModelError: something is missing, damaged, tampered with, of another architecture or kind, or would have
            to be unpickled; the device is absent.
    """
    folder = folder_of(folder)
    place = device if isinstance(device, torch.device) else device_of(device)
    whole = read_config(folder)
    config = whole["model_cfg"]
    kind = kind_of(config)
    if expected_kind is not None and kind != expected_kind:
        raise ModelError(
            f"the checkpoint is a {_spelt(kind)}, a {_spelt(expected_kind)} is needed",
            where=folder,
            way_out="a CLIP compares, a CoCa writes captions: name a checkpoint of the other kind",
        )
    weights = weights_in(folder)
    found = sha256_file(weights)
    if verify:
        verify_weights(folder, weights, found)
        _verify(folder, whole)
    tokenizer = _tokenizer(folder, config)
    with torch.random.fork_rng(devices=[]):
        network = instantiate(config, folder / CONFIG)
    load_weights(network, weights)
    size = config["vision_cfg"].get("image_size", 224)
    side = int(size[0] if isinstance(size, list) else size)
    told = own_preprocess_cfg(side, whole.get("preprocess_cfg"), folder / CONFIG)
    whole = {"model_cfg": config, "preprocess_cfg": told}
    return Model(network.to(place).eval(), tokenizer, whole, kind, found)


def save(model: Model, folder: Path, *, name: str = WEIGHTS) -> str:
    """Write a model's weights, configuration and tokenizer into a folder; every file is whole or absent.

    Args:
        model: any; its weights are written from wherever they are.
        folder: made if it is not there; other files in it stay.
        name: of the weights file. ``open_clip`` reads ``model.safetensors`` where there are several.

    Returns:
        The SHA-256 of the weights file; equal weights give equal bytes.

    Raises:
        ArtefactError: the disk is full or the folder cannot be written.
    """
    state = {
        key: value.detach().to("cpu", copy=True).contiguous() for key, value in model.network.state_dict().items()
    }
    folder.mkdir(parents=True, exist_ok=True)
    model.tokenizer.save(folder)
    write_json(folder / CONFIG, model.config)
    with atomic_path(folder / name) as temporary:
        save_file(state, temporary, metadata={"format": "pt"})
        return sha256_file(temporary)


def _verify(folder: Path, config: Mapping[str, Any]) -> None:
    """Refuse a configuration or a tokenizer that the training did not write, as far as its record tells."""
    told = read_record(folder)
    if "model" in told and told["model"] != config:
        raise ModelError(
            f"this is not the configuration that the training wrote: {RECORD} says another",
            where=folder / CONFIG,
            way_out=AGAIN,
        )
    files = told.get("tokenizer_sha256")
    for name, pinned in sorted(files.items()) if isinstance(files, dict) else ():
        path = folder / str(name)
        if path.is_file() and sha256_file(path) != pinned:
            raise ModelError(
                f"this is not the tokenizer that the training wrote: {RECORD} says SHA-256 {str(pinned)[:12]}...",
                where=path,
                way_out=AGAIN,
            )


def _tokenizer(folder: Path, config: dict[str, Any]) -> Tokenizer:
    told = config["text_cfg"]
    context = int(told.get("context_length", 77))
    name = told.get("hf_tokenizer_name")
    if not name:
        return clip_tokenizer(context)
    saving = f"save them by `AutoTokenizer.from_pretrained('{name}').save_pretrained('{folder}')`"
    foreign = HOLDS if name == MARK else f"the folder must hold the files of '{name}': {saving}"
    tokenizer = read_tokenizer(folder, context, way_out=way_out(folder, foreign))
    if tokenizer.size > int(told.get("vocab_size", 49408)):
        raise ModelError(
            f"the tokenizer knows {tokenizer.size} tokens, the model {told.get('vocab_size')}",
            where=folder,
            way_out=way_out(folder, "take the tokenizer that the model was trained with"),
        )
    return tokenizer


def _spelt(kind: Kind) -> str:
    return {"clip": "CLIP", "coca": "CoCa"}[kind]
