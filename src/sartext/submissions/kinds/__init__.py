"""The registry of model kinds: a new kind is one file, and a line here."""

from pathlib import Path

from sartext.errors import ModelError
from sartext.models.checkpoint import folder_of, instead, is_stage
from sartext.models.weights import AGAIN, read_object
from sartext.registry import Registry
from sartext.submissions.kinds import chat, dual_encoder, endpoint, image_to_text, open_clip, sar_gpt
from sartext.submissions.kinds.kind import ModelKind, Seen, Task

KINDS = Registry(
    "model kind",
    (
        open_clip.KIND,
        sar_gpt.KIND,
        dual_encoder.KIND,
        chat.KIND,
        image_to_text.KIND,
        endpoint.KIND,
    ),
)
"""In the order in which a folder is tried: the first that recognises it has it."""

SHOWN = 6
"""File names of an unknown folder that its error shows."""


def recognise(name: Path | str, task: Task) -> tuple[ModelKind, Path]:
    """Return the kind of the model in a folder, which must do a task, and the folder.

    ``name`` is a path, or as open_clip has it ``local-dir:`` and a path.

    Raises:
        ModelError: there is no such folder, its kind is unknown, or another task than this is its.
    """
    folder = folder_of(name)
    if not folder.is_dir():
        raise ModelError(
            "no model's folder", where=folder, way_out=instead(folder, "docs/evaluation.md tells its files")
        )
    seen = look(folder)
    kind = next((kind for kind in KINDS if kind.recognises(seen)), None)
    if kind is None:
        known = "; ".join(f"{kind.title}: {kind.holds}" for kind in KINDS)
        way_out = AGAIN if is_stage(folder) else f"known are folders of {known}"
        raise ModelError(f"no model of a known kind: {_told(seen)}", where=folder, way_out=way_out)
    if task not in kind.tasks:
        others = " or ".join(kind.title for kind in KINDS if task in kind.tasks)
        raise ModelError(
            f"{kind.title} does {' and '.join(kind.tasks)}, not {task}",
            where=folder,
            way_out=f"name the folder of {others}",
        )
    return kind, folder


def look(folder: Path) -> Seen:
    """Return what lies in a folder.

    Raises:
        ModelError: ``config.json`` is there and damaged.
    """
    files = tuple(sorted(path.name for path in folder.iterdir() if path.is_file()))
    return Seen(folder, files, read_object(folder / "config.json", "copy the folder again"))


def _told(seen: Seen) -> str:
    """What is said of a folder that nobody knows."""
    shown = [name if name.isprintable() else ascii(name) for name in seen.files[:SHOWN]]
    more = f" and {len(seen.files) - SHOWN} more" if len(seen.files) > SHOWN else ""
    holds = f"it holds {', '.join(shown)}{more}" if shown else "it holds no file"
    said = {key: seen.config[key] for key in ("model_type", "architectures") if key in seen.config}
    return holds + "".join(f", {key} {value!a}" for key, value in said.items())
