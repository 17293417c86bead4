"""What a study consists of: its data, its parameters, their hash, and the folder that all of it lies in."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from sartext.config import Parameters, Project, load_parameters
from sartext.config.arms import AnyRow, Arm, arms_of, rows_of, scaled, whole_batches
from sartext.config.training import CheckpointParameters, GrounderParameters, StudyParameters
from sartext.errors import ParameterError
from sartext.files import canonical_json, sha256_file, sha256_text

PACKAGE = Path(__file__).resolve().parent.parent

CODE = (
    "captioner/proof.py",
    "catalogue",
    "config/arms.py",
    "corpora",
    "evaluation/grounding.py",
    "evaluation/metrics/recall.py",
    "evaluation/retrieval.py",
    "evaluation/similarity_blocks.py",
    "models",
    "narrator",
    "release/inputs.py",
    "release/splits",
    "simulation",
    "study",
    "training",
)
"""Folders and files of the package that decide a cell's figures."""

LIBRARIES = ("torch", "open_clip_torch", "numpy")
"""Libraries whose versions decide them too."""

PRESENTATION = (
    "models/gpt/*",
    "study/figures.py",
    "study/page.py",
    "study/running.py",
    "study/tables.py",
    "study/templates/*",
    "training/gpt/*",
)
"""Parts of them that do not: they read finished cells, or are not used."""

NO_PART = {
    "study": {"arms", "seeds", "fractions", "workers", "resamples"},
    "training": {"threads", "validate_every", "seed"},
    "simulation": {"seed"},
}
"""Parameters that do not belong to the recipe: they differ by cell, or change no figure of one."""

Data = Literal["sim", "sample", "pretrained"]

PLACES: Mapping[Data, str] = {"sim": "study", "sample": "study-sample", "pretrained": "study-pretrained"}
"""Folders below ``build/``."""

PROFILES: Mapping[Data, str] = {"pretrained": "conf/study/pretrained.yaml"}
"""Whose sections hold in place of those of the data's ``params.yaml``."""

CORPUS_OF = {"ships": "sim-ships", "objects": "sim-objects", "landcover": "sim-landcover", "pairs": "sim-pairs"}
"""The simulated SAR corpora that have captions, by their number's name in the section ``simulation``."""

OPTICAL_CORPUS = "sim-optical"

QUICK: Mapping[str, Any] = {
    "fractions": (0.25, 1.0),
    "learning_rates": (0.001, 0.003),
    "development_fractions": (1.0,),
    "batch": 16,
    "validations": 2,
    "resamples": 200,
}
"""Study parameters with which all arms run in seconds; their figures mean nothing."""

QUICK_SCENES: Mapping[str, Any] = {
    "scenes": {"ships": 60, "objects": 50, "landcover": 50, "pairs": 0, "optical": 100},
    "looks": 1,
}

QUICK_SAMPLES = 64
"""Of a stage in a quick study."""

SECTIONS = ("captions", "narrator", "shards", "simulation", "splits", "study", "tokenizer", "training")


@dataclass(frozen=True)
class Design:
    """A study that can be run.

    Args:
        data: ``sim`` (fresh simulated scenes for every seed), ``sample`` (the small real corpora) or
            ``pretrained`` (the same, and image towers from natural-image weights).
        source: the project that data and catalogue are taken from.
        parameters: as the study uses them: its sizes, its batch, the rows of its arms.
        study: their section of this name.
        output: where tables and page are written.
        digest: the hash of simulator and recipe.
    """

    data: Data
    source: Project
    parameters: Parameters
    study: StudyParameters
    output: Path
    digest: str

    @property
    def folder(self) -> Path:
        """Where worlds and cells lie: one folder per hash."""
        return self.output / self.digest[:16]

    @property
    def page(self) -> str:
        """The page below the project's folder, as it is told."""
        return f"build/{self.output.name}/index.html"

    @property
    def arms(self) -> tuple[Arm, ...]:
        """The arms, the one first that the others are controls of."""
        return arms_of(self.study.arms, self.every_row)

    @property
    def comparisons(self) -> tuple[tuple[Arm, Arm], ...]:
        """Arms and their controls: the differences that are taken, those of the first arm first."""
        return tuple((arm, other) for arm in self.arms for other in self.arms if arm.name in other.against)

    @property
    def rows(self) -> Mapping[str, CheckpointParameters]:
        """The rows that the arms train on captions."""
        return self.parameters.image_text

    @property
    def grounders(self) -> Mapping[str, GrounderParameters]:
        """The rows that arms train on boxes, masks and scenes."""
        return {name: row for name, row in self.every_row.items() if isinstance(row, GrounderParameters)}

    @property
    def every_row(self) -> Mapping[str, AnyRow]:
        """All of them."""
        return self.parameters.checkpoints


def plan(project: Project, data: Data = "sim", *, quick: bool = False, frozen: bool = False) -> Design:
    """Return the study that a project's parameters describe.

    Args:
        project: the checkout.
        data: simulated scenes, or the real corpora that ``make sample`` has built in ``build/sample``.
        quick: two seeds and a few steps, to try the way; it goes to a folder of its own.
        frozen: image towers learn nothing, another and cheaper question; it has a folder of its own too.

    Raises:
        ParameterError: the sections that a study needs are missing, or a seed was used before.
        ArtefactError: the real sample was not built.
    """
    source = project if data == "sim" else Project(project.build / "sample")
    if data != "sim" and not (source.root / "params.yaml").is_file():
        raise ParameterError("the real sample is not there", where=source.root, way_out="run `make sample` first")
    declared = source.parameters
    if data in PROFILES:
        declared = load_parameters(project.root / PROFILES[data], over=source.root / "params.yaml")
    study = declared.study or StudyParameters.model_validate({})
    if frozen:
        rates = (study.frozen_learning_rate,) if study.frozen_learning_rate else study.learning_rates
        study = study.model_copy(update={"frozen_tower": True, "learning_rates": rates})
    if quick:
        few = {**QUICK, **(QUICK_SCENES if data == "sim" else {}), "seeds": study.seeds[:2]}
        study = StudyParameters.model_validate({**study.model_dump(), **few})
    if data != "sim" and (study.scenes or study.looks):
        raise ParameterError(
            "real corpora have no scenes to simulate",
            where="params.yaml: study",
            way_out="take out `scenes` and `looks`",
        )
    parameters = _trained(_simulated(declared, study) if data == "sim" else declared, study, quick)
    arms_of(study.arms, parameters.checkpoints)
    output = project.build / (PLACES[data] + ("-frozen" if frozen else "") + ("-quick" if quick else ""))
    return Design(data, source, parameters, study, output, recipe_hash(_recipe(source, parameters, data)))


def _simulated(declared: Parameters, study: StudyParameters) -> Parameters:
    """Only what the arms learn from and are tested on: captioned SAR scenes and optical ones."""
    if declared.simulation is None:
        way_out = "add one, or run the study with --data sample"
        raise ParameterError("no section 'simulation'", where="params.yaml", way_out=way_out)
    if declared.simulation.seed in {*study.seeds, *study.development_seeds}:
        raise ParameterError(
            f"seed {declared.simulation.seed} makes the scenes of `make release`; a study needs fresh ones",
            where="params.yaml: study.seeds",
            way_out="take it out",
        )
    numbers: dict[str, int] = {str(name): number for name, number in study.scenes.items()}
    sizes = declared.simulation.model_copy(update={**numbers, "unlabelled": 0})
    empty = {corpus for name, corpus in CORPUS_OF.items() if not getattr(sizes, name)}
    captions = tuple(name for name in declared.captions if name in set(CORPUS_OF.values()) - empty)
    corpora = {name: corpus for name, corpus in declared.corpora.items() if name in {*captions, OPTICAL_CORPUS}}
    if not captions or OPTICAL_CORPUS not in corpora or not sizes.optical:
        raise ParameterError(
            "a study needs captioned SAR scenes and optical ones",
            where="params.yaml: captions, corpora, study.scenes",
            way_out=f"list {OPTICAL_CORPUS} and one of {', '.join(CORPUS_OF.values())}",
        )
    return declared.model_copy(update={"simulation": sizes, "corpora": corpora, "captions": captions})


def _trained(parameters: Parameters, study: StudyParameters, quick: bool) -> Parameters:
    batch = study.batch or parameters.training.batch
    rows = rows_of(parameters.image_text)
    most = max(sum(study.samples.values()), *(row.samples for row in rows.values()))
    scale = 2 * QUICK_SAMPLES / most if quick else study.scale
    further = {
        name: row.model_copy(update={"samples": whole_batches(row.samples, scale, batch)})
        for name, row in parameters.checkpoints.items()
        if name.startswith("arm-") and name not in rows
    }
    changes: dict[str, Any] = {
        "checkpoints": scaled(rows, scale, batch, **study.samples) | further,
        "study": study,
        "shards": parameters.shards.model_copy(update={"looks": study.looks or parameters.shards.looks}),
        "training": parameters.training.model_copy(update={"batch": batch, "threads": 1}),
    }
    nothing: dict[str, Any] = {"narrated": (), "optical_captions": (), "rewritten": (), "models": {}}
    return parameters.model_copy(update={**nothing, **changes})


def _recipe(source: Project, parameters: Parameters, data: Data) -> dict[str, Any]:
    content = parameters.model_dump(mode="json", by_alias=True)
    recipe = {section: content[section] for section in SECTIONS}
    chosen_here = {"learning_rate"} if content["study"]["learning_rates"] else set()
    rows = {
        name: {key: value for key, value in row.items() if key not in chosen_here}
        for name, row in content["checkpoints"].items()
    }
    foundations = {row["from"] for row in rows.values() if row["from"].endswith((".yaml", ".yml"))}
    files = {name: sha256_file(source.root / name) for name in sorted(foundations)}
    if data != "sim":
        files |= {name: sha256_file(_built(source, name)) for name in _tables(source)}
    return {**recipe, "checkpoints": rows, "corpora": list(parameters.corpora), "files": files, "data": data}


def _tables(source: Project) -> list[str]:
    """What the real sample's build decides a study's figures by."""
    captions = [f"build/captions/{name}/captions.parquet" for name in source.parameters.captions]
    shards = [f"build/shards/{kind}/index.parquet" for kind in ("optical", "sar")]
    return [*captions, *shards, "build/splits/splits.parquet", "build/tokenizer/tokenizer.json"]


def _built(source: Project, name: str) -> Path:
    path = source.root / name
    if not path.is_file():
        raise ParameterError("the real sample is not built", where=path, way_out="run `make sample` first")
    return path


def recipe_hash(parameters: dict[str, Any]) -> str:
    """Return the SHA-256 over code and parameters, in hexadecimal; cells of different hashes are never mixed.

    It stands for everything that decides a cell's figures, the libraries' versions included. It leaves out which
    seeds and shares are run, how many processes run them, and how the results are drawn. The parameters are those
    that the study uses, as JSON by section of ``params.yaml``.
    """
    kept = {
        section: {name: value for name, value in content.items() if name not in NO_PART[section]}
        if section in NO_PART and content
        else content
        for section, content in parameters.items()
    }
    content = {**kept, "versions": {name: version(name) for name in LIBRARIES}}
    return sha256_text(canonical_json({"code": dict(code_hashes()), "parameters": content}))


def code_hashes(package: Path = PACKAGE) -> Iterator[tuple[str, str]]:
    """Yield path and SHA-256 of every file that decides a cell's figures, in path order."""
    for folder in CODE:
        place = package / folder
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            name = path.relative_to(package).as_posix()
            presents = any(fnmatch(name, part) for part in PRESENTATION)
            if path.is_file() and path.suffix != ".pyc" and not presents:
                yield name, sha256_file(path)
