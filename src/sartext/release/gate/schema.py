"""Suite ``schema``: the candidate is the table that it says it is."""

import pyarrow as pa

from sartext.release.gate.checks import Check, Frame, Suite, without
from sartext.release.gate.inputs import Inputs
from sartext.tables import PAIRS

IMAGE_ID = r"^[a-z0-9][a-z0-9-]*/[^./\\\s]+$"


def _columns(inputs: Inputs) -> list[str]:
    return list(PAIRS.names)


def _type_problem(inputs: Inputs) -> list[str]:
    return [_compare(field, inputs.table.schema) for field in PAIRS]


def _compare(field: pa.Field, schema: pa.Schema) -> str:
    if field.name not in schema.names:
        return "absent"
    found = schema.field(field.name).type
    return "" if found == field.type else f"{found} instead of {field.type}"


def _null_problem(inputs: Inputs) -> list[str]:
    return [_nulls(field, inputs.table) for field in PAIRS]


def _nulls(field: pa.Field, table: pa.Table) -> str:
    if field.nullable or field.name not in table.schema.names:
        return ""
    count = table.column(field.name).null_count
    return f"{count} nulls" if count else ""


SUITE = Suite(
    "schema",
    frames=(
        Frame("columns", "columns", _columns, {"type_problem": _type_problem, "null_problem": _null_problem}),
        Frame(
            "candidate",
            "pairs",
            lambda inputs: inputs.column("image_id"),
            {
                "image_id": lambda inputs: inputs.column("image_id"),
                "modality": lambda inputs: inputs.column("modality"),
            },
        ),
        Frame(
            "size",
            "table",
            lambda inputs: ["pairs.parquet"],
            {
                "pairs": lambda inputs: [inputs.table.num_rows],
                "columns": lambda inputs: [", ".join(inputs.table.schema.names)],
            },
        ),
    ),
    checks=(
        Check(
            "enough pairs",
            "size",
            "ExpectColumnMaxToBeBetween",
            lambda parameters: {"column": "pairs", "min_value": parameters.gate.minimum_pairs},
            "pairs",
            figure="observed",
        ),
        Check(
            "declared columns, in order",
            "size",
            "ExpectColumnValuesToBeInSet",
            lambda _: {"column": "columns", "value_set": [", ".join(PAIRS.names)]},
            "tables",
        ),
        without("declared types", "columns", "type_problem", "columns"),
        without("no nulls where a value is required", "columns", "null_problem", "columns"),
        Check(
            "unique image ids",
            "candidate",
            "ExpectColumnValuesToBeUnique",
            lambda _: {"column": "image_id"},
            "pairs",
        ),
        Check(
            "image ids are corpus/stem",
            "candidate",
            "ExpectColumnValuesToMatchRegex",
            lambda _: {"column": "image_id", "regex": IMAGE_ID},
            "pairs",
        ),
        Check(
            "SAR images only",
            "candidate",
            "ExpectColumnValuesToBeInSet",
            lambda _: {"column": "modality", "value_set": ["sar"]},
            "pairs",
        ),
    ),
)
