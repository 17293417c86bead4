"""Validated parameters (``params.yaml``) and the places of a project."""

from sartext.config.data import (
    NarratorParameters,
    NearDuplicateParameters,
    ReleaseParameters,
    SimulationParameters,
    SplitParameters,
    VqaParameters,
    Withdrawal,
)
from sartext.config.project import Parameters, Project, load_parameters
from sartext.config.rewriting import (
    AskingParameters,
    BudgetParameters,
    EndpointParameters,
    RewritingParameters,
    load_endpoint,
)
from sartext.config.section import Section, explain_problems, explain_validation, parse_yaml
from sartext.config.training import CheckpointParameters, NarrationParameters, TrainingParameters

__all__ = [
    "AskingParameters",
    "BudgetParameters",
    "CheckpointParameters",
    "EndpointParameters",
    "NarrationParameters",
    "NarratorParameters",
    "NearDuplicateParameters",
    "Parameters",
    "Project",
    "ReleaseParameters",
    "RewritingParameters",
    "Section",
    "SimulationParameters",
    "SplitParameters",
    "TrainingParameters",
    "VqaParameters",
    "Withdrawal",
    "explain_problems",
    "explain_validation",
    "load_endpoint",
    "load_parameters",
    "parse_yaml",
]
