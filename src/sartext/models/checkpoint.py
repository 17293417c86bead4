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
from sartext.models.construction import build, instantiate, read_foundation
from sartext.models.model import Kind, Model, device_of, kind_of, own_preprocess_cfg, preprocess_cfg, side_of
from sartext.models.tokenizer import MARK, Tokenizer, clip_tokenizer, read_tokenizer
from sartext.models.weights import (
    AGAIN,
    CONFIG,
    RECORD,
    WEIGHTS,
    load_weights,
    read_object,
    read_record,
    verify_weights,
    weights_in,
)

HOLDS = (
    f"a folder of an open_clip model holds {CONFIG}, weights (open_clip_model.safetensors, "
    "open_clip_pytorch_model.bin or another file of tensors) and, unless the tokenizer is CLIP's, tokenizer.json "
    "and tokenizer_config.json"
)
GPT_CONFIG, GPT_TYPE = "config.json", "llava"
"""By which transformers knows a SAR-GPT."""


def folder_of(name: Path | str) -> Path:
    """Return the folder that is named as a path, or as open_clip names it: ``local-dir:PATH``."""
    return Path(str(name).removeprefix("local-dir:"))


def is_stage(folder: Path) -> bool:
    """Return whether the project's own pipeline makes a folder: it left its record, or the place is its own."""
    return (folder / RECORD).is_file() or folder.absolute().parent.parent.name == "build"


def way_out(folder: Path, foreign: str = HOLDS) -> str:
    """Return the advice for a checkpoint that lacks something: to build it again, or what a folder must hold."""
    return AGAIN if is_stage(folder) else foreign


def read_config(folder: Path) -> dict[str, Any]:
    """Return what ``open_clip_config.json`` of a folder says.

    Raises:
        ModelError: there is no such folder or file, or it is none of a model for square pictures.
    """
    path = folder / CONFIG
    if not folder.is_dir():
        raise ModelError("no checkpoint's folder", where=folder, way_out=instead(folder))
    if not path.is_file():
        if _is_gpt(folder):
            raise ModelError(
                "a SAR-GPT, which answers questions, is no open_clip model",
                where=folder,
                way_out="score it by --task vqa, or name the folder of an open_clip model",
            )
        raise ModelError(f"no checkpoint: there is no {CONFIG}", where=folder, way_out=way_out(folder))
    whole = read_object(path, way_out(folder, "correct it"))
    config = whole.get("model_cfg")
    if not isinstance(config, dict) or not _has_towers(config):
        raise ModelError(
            "not an open_clip configuration: no model_cfg with both towers",
            where=path,
            way_out='wrap it as {"model_cfg": ...}' if _has_towers(whole) else way_out(folder),
        )
    size = config["vision_cfg"].get("image_size")
    if isinstance(size, list) and len(set(size)) != 1:
        raise ModelError(
            f"image_size is {size}: pictures that are not square are not supported",
            where=path,
            way_out="take a model of square pictures",
        )
    return whole


def _has_towers(config: object) -> bool:
    return isinstance(config, dict) and all(
        isinstance(config.get(part), dict) for part in ("vision_cfg", "text_cfg")
    )


def instead(folder: Path, holds: str = HOLDS) -> str:
    """Return what to name where there is no folder of a model, and what that ``holds``."""
    if folder.is_file():
        return "name the folder that holds it"
    if is_stage(folder):
        return "run the training that makes it"
    saving = "`hf download REPOSITORY --local-dir FOLDER` saves a published one"
    return f"a folder is needed, no name of a model: {saving}; {holds}"


def _is_gpt(folder: Path) -> bool:
    try:
        return read_object(folder / GPT_CONFIG, AGAIN).get("model_type") == GPT_TYPE
    except ModelError:
        return False


def start(origin: str, root: Path, tokenizer_folder: Path | None, *, seed: int, side: int | None = None) -> Model:
    """Return the model that a training starts from.

    Args:
        origin: ``from`` of a row of ``checkpoints``: a foundation file or a checkpoint's folder.
        root: the project, which that is relative to.
        tokenizer_folder: of the trained tokenizer, for foundations that take it.
        seed: of weights that are not read.
        side: width and height in pixels of the pictures that it will be given.

    Raises:
        ModelError: the model cannot be built or loaded, or takes other pictures.
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


def load(folder: Path | str, *, device: str | torch.device = "cpu", expected_kind: Kind | None = None) -> Model:
    """Return the model of a checkpoint, ours or any that open_clip reads, in evaluation mode and with its hash.

    Its configuration keeps its own resizing, see ``model.fit``. Weights, configuration and tokenizer must be what
    ``training.json`` says of them, where that is there.

    Args:
        folder: a path, or ``local-dir:`` and a path; holds ``open_clip_config.json``, weights (safetensors, or a
            torch file of tensors only) and, unless the tokenizer is CLIP's, ``tokenizer.json``.
        device: where to put it, see ``device_of``.
        expected_kind: refuse a checkpoint of another kind.

    Raises:
        ModelError: something is missing, damaged, tampered with, of another architecture or kind, or would have
            to be unpickled; the device is absent.
    """
    folder = folder_of(folder)
    place = device_of(device)
    whole = read_config(folder)
    config = whole["model_cfg"]
    kind = kind_of(config)
    if expected_kind is not None and kind != expected_kind:
        spelt = {"clip": "CLIP", "coca": "CoCa"}
        raise ModelError(
            f"the checkpoint is a {spelt[kind]}, a {spelt[expected_kind]} is needed",
            where=folder,
            way_out="a CLIP compares, a CoCa writes captions: name a checkpoint of the other kind",
        )
    weights = weights_in(folder)
    digest = sha256_file(weights)
    verify_weights(folder, weights, digest)
    _verify(folder, whole)
    tokenizer = _tokenizer(folder, config)
    with torch.random.fork_rng(devices=[]):
        network = instantiate(config, folder / CONFIG)
    load_weights(network, weights)
    preprocess = own_preprocess_cfg(side_of(config), whole.get("preprocess_cfg"), folder / CONFIG)
    whole = {"model_cfg": config, "preprocess_cfg": preprocess}
    return Model(network.to(place).eval(), tokenizer, whole, kind, digest)


def save(model: Model, folder: Path) -> str:
    """Write a model's weights, configuration and tokenizer into a folder; return the SHA-256 of the weights file.

    Every file is whole or absent, other files in the folder stay, and equal weights give equal bytes.

    Raises:
        ArtefactError: the disk is full or the folder cannot be written.
    """
    state = {
        key: value.detach().to("cpu", copy=True).contiguous() for key, value in model.network.state_dict().items()
    }
    folder.mkdir(parents=True, exist_ok=True)
    model.tokenizer.save(folder)
    write_json(folder / CONFIG, model.config)
    with atomic_path(folder / WEIGHTS) as temporary:
        save_file(state, temporary, metadata={"format": "pt"})
        return sha256_file(temporary)


def _verify(folder: Path, config: Mapping[str, Any]) -> None:
    """Refuse a configuration or a tokenizer that the training did not write, as far as its record says."""
    record = read_record(folder)
    if "model" in record and record["model"] != config:
        raise ModelError(
            f"this is not the configuration that the training wrote: {RECORD} says another",
            where=folder / CONFIG,
            way_out=AGAIN,
        )
    files = record.get("tokenizer_sha256")
    for name, pinned in sorted(files.items()) if isinstance(files, dict) else ():
        path = folder / str(name)
        if path.is_file() and sha256_file(path) != pinned:
            raise ModelError(
                f"this is not the tokenizer that the training wrote: {RECORD} says SHA-256 {str(pinned)[:12]}...",
                where=path,
                way_out=AGAIN,
            )


def _tokenizer(folder: Path, config: dict[str, Any]) -> Tokenizer:
    text_cfg = config["text_cfg"]
    context = int(text_cfg.get("context_length", 77))
    name = text_cfg.get("hf_tokenizer_name")
    if not name:
        return clip_tokenizer(context)
    saving = f"save them by `AutoTokenizer.from_pretrained('{name}').save_pretrained('{folder}')`"
    foreign = HOLDS if name == MARK else f"the folder must hold the files of '{name}': {saving}"
    tokenizer = read_tokenizer(folder, context, way_out=way_out(folder, foreign))
    if tokenizer.size > int(text_cfg.get("vocab_size", 49408)):
        raise ModelError(
            f"the tokenizer knows {tokenizer.size} tokens, the model {text_cfg.get('vocab_size')}",
            where=folder,
            way_out=way_out(folder, "take the tokenizer that the model was trained with"),
        )
    return tokenizer
