"""The folder of a model, the project's own or anyone's: what it must hold, and what is said where it does not."""

from pathlib import Path
from typing import Any

from sartext.errors import ArtefactError, ModelError
from sartext.files import read_json
from sartext.models.pretrained import CONFIG, RECORD

AGAIN = "build or copy the checkpoint again"
HOLDS = (
    f"a folder of an open_clip model holds {CONFIG}, weights (open_clip_model.safetensors, "
    "open_clip_pytorch_model.bin or another file of tensors) and, unless the tokenizer is CLIP's, tokenizer.json "
    "and tokenizer_config.json"
)
SAVING = "`hf download REPOSITORY --local-dir FOLDER` saves a published one"
PREFIX = "local-dir:"
GPT_CONFIG, GPT_TYPE = "config.json", "llava"
"""How transformers tells what a SAR-GPT is."""

_TOWERS = ("vision_cfg", "text_cfg")


def folder_of(name: Path | str) -> Path:
    """Return the folder that is named as a path, or as open_clip names it: ``local-dir:PATH``."""
    return Path(str(name).removeprefix(PREFIX))


def is_stage(folder: Path) -> bool:
    """Return whether the project's own pipeline makes a folder: it left its record, or the place is its own."""
    return (folder / RECORD).is_file() or folder.absolute().parent.parent.name == "build"


def way_out(folder: Path, foreign: str = HOLDS) -> str:
    """Return the advice for a checkpoint that lacks something: to build it again, or what a folder must hold."""
    return AGAIN if is_stage(folder) else foreign


def read_config(folder: Path) -> dict[str, Any]:
    """Return what ``open_clip_config.json`` of a folder says.

    Raises:
        ModelError: there is no such folder or file, it is damaged, a SAR-GPT's, of an image that is not square, or
            no configuration of both towers.
    """
    path = folder / CONFIG
    if not folder.is_dir():
        raise ModelError("no checkpoint's folder", where=folder, way_out=_instead(folder))
    if not path.is_file():
        if _is_gpt(folder):
            raise ModelError(
                "a SAR-GPT, which answers questions, is no open_clip model",
                where=folder,
                way_out="score it by --task vqa, or name the folder of an open_clip model",
            )
        raise ModelError(f"no checkpoint: there is no {CONFIG}", where=folder, way_out=way_out(folder))
    try:
        whole = read_json(path)
    except ArtefactError as error:
        raise ModelError(error.what, where=path, way_out=way_out(folder, "correct it")) from error
    config = whole.get("model_cfg") if isinstance(whole, dict) else None
    if not _has_towers(config):
        raise ModelError(
            "not an open_clip configuration: no model_cfg with both towers",
            where=path,
            way_out='wrap it as {"model_cfg": ...}' if _has_towers(whole) else way_out(folder),
        )
    _check_square(config, path)
    return dict(whole)


def _has_towers(config: Any) -> bool:  # noqa: ANN401 - JSON
    return isinstance(config, dict) and all(isinstance(config.get(part), dict) for part in _TOWERS)


def _check_square(config: Any, path: Path) -> None:  # noqa: ANN401 - JSON
    size = config["vision_cfg"].get("image_size", 224)
    if isinstance(size, list) and len(set(size)) != 1:
        raise ModelError(
            f"image_size is {size}: pictures that are not square are not supported",
            where=path,
            way_out="take a model of square pictures",
        )


def _instead(folder: Path) -> str:
    """What to name where there is no folder."""
    if folder.is_file():
        return "name the folder that holds it"
    if is_stage(folder):
        return "run the training that makes it"
    return f"a folder is needed, no name of a model: {SAVING}; {HOLDS}"


def _is_gpt(folder: Path) -> bool:
    try:
        told = read_json(folder / GPT_CONFIG)
    except ArtefactError:
        return False
    return isinstance(told, dict) and told.get("model_type") == GPT_TYPE
