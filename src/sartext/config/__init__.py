"""Validated parameters (``params.yaml``) and the places of a project."""

from sartext.config.data import (
    CorpusParameters,
    GateParameters,
    NarratorParameters,
    NearDuplicateParameters,
    ReleaseParameters,
    SimulationParameters,
    SplitParameters,
    VqaParameters,
)
from sartext.config.project import Parameters, Project, load_parameters
from sartext.config.section import Section, explain_validation, parse_yaml
from sartext.config.training import (
    CheckpointParameters,
    NarrationParameters,
    ShardParameters,
    StudyParameters,
    TokenizerParameters,
    TrainingParameters,
)

__all__ = [
    "CheckpointParameters",
    "CorpusParameters",
    "GateParameters",
    "NarrationParameters",
    "NarratorParameters",
    "NearDuplicateParameters",
    "Parameters",
    "Project",
    "ReleaseParameters",
    "Section",
    "ShardParameters",
    "SimulationParameters",
    "SplitParameters",
    "StudyParameters",
    "TokenizerParameters",
    "TrainingParameters",
    "VqaParameters",
    "explain_validation",
    "load_parameters",
    "parse_yaml",
]
