"""Reading catalogue files."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import ValidationError

from sartext.catalogue.entry import Entry
from sartext.config import Project, explain_problems, parse_yaml
from sartext.errors import CatalogueError, nearest

PACKAGED = Path(__file__).parent


GAP = "FILL IN"
"""What stands in a proposed catalogue file where a person has to say something."""


@dataclass(frozen=True)
class Catalogue:
    """The corpora by name, and the errors of the files that describe none, by the name of the corpus."""

    entries: dict[str, Entry]
    errors: dict[str, CatalogueError]

    def get(self, name: str) -> Entry:
        """Return a corpus.

        Raises:
            CatalogueError: it is unknown, or its own file is wrong.
        """
        if name in self.errors:
            raise self.errors[name]
        if name not in self.entries:
            raise CatalogueError(
                f"the catalogue knows no corpus '{name}'",
                way_out=f"{nearest(name, self.entries)}; or describe it in catalogue/{name}.yaml: "
                f"`sartext corpora add {name} --from PATH --describe` proposes the file",
            )
        return self.entries[name]


def load_entry(path: Path, formats: Iterable[str] | None = None) -> Entry:
    """Read one catalogue file.

    Args:
        path: the file.
        formats: the annotation formats; others are errors, where these are given.

    Raises:
        CatalogueError: the file is absent, no YAML, unfinished, or says something unknown or wrong; all of it is
            told, what is wrong beyond the first as further errors.
    """
    try:
        content = parse_yaml(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise CatalogueError(
            "no such catalogue file", where=path, way_out="correct `corpora` in params.yaml"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CatalogueError(f"not valid YAML ({error})", where=path, way_out="correct that place") from error
    if gaps := list(_gaps(content)):
        raise CatalogueError(
            f"unfinished: still to be filled in are {', '.join(gaps)}", where=path, way_out=f"look for {GAP} there"
        )
    problems = list(_format_problems(content, formats)) if formats is not None else []
    entry = None
    try:
        entry = Entry.model_validate(content)
    except ValidationError as error:
        problems = explain_problems(error, Entry) + problems
    if problems:
        first, *further = (CatalogueError(what, where=path, way_out=way_out) for what, way_out in problems)
        raise CatalogueError(first.what, where=path, way_out=first.way_out, further=tuple(further))
    if entry is None or entry.name != path.stem:
        raise CatalogueError(
            f"the corpus is called '{entry.name if entry else ''}', its file '{path.name}'",
            where=path,
            way_out="rename one of them",
        )
    return entry


def _gaps(content: object) -> Iterator[str]:
    """The names of the fields that are still `GAP`; of classes, their fields and labels."""
    fields = content if isinstance(content, dict) else {}
    yield from (
        name for name, value in fields.items() if value == GAP or (isinstance(value, list) and GAP in value)
    )
    classes = fields.get("classes")
    labels: dict[tuple[str, ...], list[str]] = {}
    for kind in classes if isinstance(classes, list) else ():
        if isinstance(kind, dict) and (gaps := tuple(name for name, value in kind.items() if value == GAP)):
            labels.setdefault(gaps, []).append(str(kind.get("label")))
    for gaps, names in labels.items():
        yield f"classes ({', '.join(gaps)} of {', '.join(names)})"


def _format_problems(content: object, formats: Iterable[str]) -> Iterator[tuple[str, str]]:
    known = list(formats)
    for section in ("annotations", "optical_captions"):
        declared = content.get(section) if isinstance(content, dict) else None
        name = declared.get("format") if isinstance(declared, dict) else None
        if isinstance(name, str) and name not in known:
            yield f"{section}.format: no annotation format '{name}'", nearest(name, known)


def read_catalogue(project: Project, formats: Iterable[str] | None = None) -> Catalogue:
    """Read the package's catalogue and then the project's own; a wrong file costs its own corpus alone."""
    entries: dict[str, Entry] = {}
    errors: dict[str, CatalogueError] = {}
    for folder in (PACKAGED, project.root / "catalogue"):
        for path in sorted(folder.glob("*.yaml")):
            try:
                entry = load_entry(path, formats)
                if entry.name in entries:
                    raise CatalogueError(
                        f"corpus '{entry.name}' is defined twice",
                        where=path,
                        way_out="give the new one another name",
                    )
            except CatalogueError as error:
                errors[path.stem] = error
            else:
                entries[entry.name] = entry
    return Catalogue(entries, errors)


def load_catalogue(project: Project) -> dict[str, Entry]:
    """Return the corpora that the package and the project describe, by name; wrong files are passed over."""
    return read_catalogue(project).entries


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
