"""Rewriting by a language model: what decides its captions, and, in a file of its own, how it is reached."""

from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError

from sartext.config.section import HIDDEN, Section, explain_validation, parse_yaml
from sartext.errors import ParameterError


class BudgetParameters(Section):
    """What one corpus may cost, over all runs whose answers lie in one cache."""

    requests: int = Field(ge=1, description="requests sent, those that failed and were sent again too")
    tokens: int = Field(ge=1, description="tokens of requests and answers")


class AskingParameters(Section):
    """Which model behind an endpoint is asked, and how: what decides its answers beside the request."""

    model: str = Field(min_length=1, description="the model's name at the endpoint; captions bear it")
    temperature: float | None = Field(0.0, ge=0, le=2, description="null for models that take none")
    seed: int | None = 7
    answer_tokens: int = Field(160, ge=16)
    token_limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"  # noqa: S105 - a field's name
    budget: BudgetParameters


class RewritingParameters(AskingParameters):
    """What decides the captions that a language model writes; the stage `rewritten` depends on it."""

    prompt: str = Field(description="the prompt, a text file of the project")
    examples: str = Field(description="in-context examples, a YAML file of the project")
    least_examples: int = Field(2, ge=0)
    most_examples: int = Field(4, ge=0, description="with those that share a word with the caption")
    least_kept: float = Field(
        0.5, gt=0, le=1, description="share of the things that SAR shows which an answer must keep"
    )

    @model_validator(mode="after")
    def _examples_in_order(self) -> "RewritingParameters":
        if self.least_examples > self.most_examples:
            raise ValueError("least_examples must be at most most_examples")
        return self


class EndpointParameters(Section):
    """How the endpoint is reached, ``endpoint.yaml``: no artefact depends on it, and no release holds it."""

    url: str | None = Field(None, description="base URL of an OpenAI-compatible API, such as https://host/v1")
    key_variable: str | None = Field(
        "SARTEXT_LLM_KEY", description="environment variable that holds the key; null where none is needed"
    )
    cache: str = Field("llm-answers", description="folder of the answers, relative to the project")
    concurrency: int = Field(8, ge=1, le=256)
    requests_per_minute: int | None = Field(None, ge=1)
    timeout_seconds: float = Field(60, gt=0)
    attempts: int = Field(6, ge=1, description="times that a request is sent where the endpoint fails")
    backoff_seconds: float = Field(1.0, gt=0, description="wait after the first failure; it doubles")
    longest_wait_seconds: float = Field(60, gt=0, description="bound of that wait")
    patience_seconds: float = Field(900, gt=0, description="rate limits longer than that stop the run")

    @field_validator("url")
    @classmethod
    def _no_secret_in_the_url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("it must begin with https:// or http://")
        if parts.username or parts.password or parts.query or parts.fragment:
            message = "it must hold no user, password or query; the key comes from the environment"
            raise PydanticCustomError(HIDDEN, message)
        return value


def load_endpoint(path: Path) -> EndpointParameters:
    """Read how the endpoint is reached; without the file, only what was answered before can be had.

    Raises:
        ParameterError: the file is no YAML, a name is unknown, or a value is out of range.
    """
    try:
        content = parse_yaml(path.read_text(encoding="utf-8-sig"))
        return EndpointParameters.model_validate(content or {})
    except FileNotFoundError:
        return EndpointParameters.model_validate({})
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ParameterError("not valid YAML", where=path, way_out="correct the file") from error
    except ValidationError as error:
        what, way_out = explain_validation(error, EndpointParameters, path)
        raise ParameterError(what, where=path, way_out=way_out) from error
