"""The stage `pinned@<name>`: a checkpoint that was trained before is taken as it is, and nothing is trained."""

import shutil
from pathlib import Path

from sartext.config import Project
from sartext.errors import ModelError, ParameterError, nearest
from sartext.files import atomic_folder, sha256_file
from sartext.models.checkpoint import load
from sartext.models.grounder.checkpoint import CONFIG as GROUNDER_CONFIG
from sartext.models.grounder.checkpoint import load_grounder
from sartext.models.weights import weights_in


def take(project: Project, name: str) -> dict[str, object]:
    """Copy a pinned checkpoint to where the build has its checkpoints, once it proved to be whole.

    Returns:
        Where it comes from, and the SHA-256 of its weights.

    Raises:
        ParameterError: nothing is pinned under that name.
        ModelError: the folder holds no checkpoint, or not the one that its training wrote; or the pictures of the
            build are not those that it takes.
        ArtefactError: the disk is full or the folder cannot be written.
    """
    pinned = project.parameters.pinned
    if name not in pinned:
        where = project.root / "params.yaml"
        raise ParameterError(f"no pinned checkpoint '{name}'", where=where, way_out=nearest(name, pinned))
    origin = project.root / pinned[name]
    digest, side = _examined(origin)
    wanted = project.parameters.shards.side
    if side != wanted:
        raise ModelError(
            f"the pinned checkpoint takes pictures of {side} pixels, this build makes them of {wanted}",
            where=origin,
            way_out="make `shards.side` in params.yaml equal",
        )
    with atomic_folder(project.checkpoint(name)) as folder:
        for source in sorted(origin.iterdir()):
            shutil.copyfile(source, folder / source.name)
    return {"from": pinned[name], "model_sha256": digest}


def _examined(folder: Path) -> tuple[str, int]:
    """Load a checkpoint; return the SHA-256 of its weights and the side of its pictures in pixels."""
    if not folder.is_dir():
        raise ModelError(
            "the pinned checkpoint is missing", where=folder, way_out="get it, or correct `pinned` in params.yaml"
        )
    for item in folder.iterdir():
        if item.is_symlink() or not item.is_file():
            raise ModelError(
                f"'{item.name}' is no plain file", where=folder, way_out="pin a folder of plain files"
            )
    of_grounder = (folder / GROUNDER_CONFIG).is_file()
    side = load_grounder(folder).config.side if of_grounder else load(folder).side
    return sha256_file(weights_in(folder)), side
