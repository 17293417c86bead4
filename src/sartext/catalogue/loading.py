"""Reading catalogue files."""

from pathlib import Path

import yaml
from pydantic import ValidationError

from sartext.catalogue.entry import Entry
from sartext.config import Project, explain_validation, parse_yaml
from sartext.errors import CatalogueError, nearest

PACKAGED = Path(__file__).parent


def load_entry(path: Path) -> Entry:
    """Read one catalogue file.

    Raises:
        CatalogueError: the file is absent, no YAML, or says something unknown or wrong.
    """
    try:
        content = parse_yaml(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise CatalogueError(
            "no such catalogue file", where=path, way_out="correct `corpora` in params.yaml"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CatalogueError(f"not valid YAML ({error})", where=path, way_out="correct that place") from error
    try:
        entry = Entry.model_validate(content)
    except ValidationError as error:
        what, way_out = explain_validation(error, Entry, path)
        raise CatalogueError(what, where=path, way_out=way_out) from error
    if entry.name != path.stem:
        raise CatalogueError(
            f"the corpus is called '{entry.name}', its file '{path.name}'",
            where=path,
            way_out="rename one of them",
        )
    return entry


def load_catalogue(project: Project) -> dict[str, Entry]:
    """Read the package's catalogue and then the project's own, by name.

    Raises:
        CatalogueError: a file is wrong, or both define the same name.
    """
    entries: dict[str, Entry] = {}
    for folder in (PACKAGED, project.root / "catalogue"):
        for path in sorted(folder.glob("*.yaml")):
            entry = load_entry(path)
            if entry.name in entries:
                raise CatalogueError(
                    f"corpus '{entry.name}' is defined twice",
                    where=path,
                    way_out="give the new one another name",
                )
            entries[entry.name] = entry
    return entries


def find_entry(project: Project, name: str) -> Entry:
    """Return the entry of a corpus that ``params.yaml`` lists, read from the file it names there.

    Raises:
        CatalogueError: the corpus is not listed; the message holds the nearest listed name.
    """
    corpora = project.parameters.corpora
    if name not in corpora:
        raise CatalogueError(
            f"corpus '{name}' is not listed", where="params.yaml: corpora", way_out=nearest(name, corpora)
        )
    entry = load_entry(project.root / corpora[name].catalogue)
    if entry.name != name:
        raise CatalogueError(f"the file describes '{entry.name}', not '{name}'", where=corpora[name].catalogue)
    return entry
