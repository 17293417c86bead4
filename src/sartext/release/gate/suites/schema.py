"""Suite ``schema``: the candidate is the table that it says it is."""

import pyarrow as pa

from sartext.release.gate.suite import Check, Frame, Suite, among, extreme, of_column, without
from sartext.tables import PAIRS

IMAGE_ID = r"^[a-z0-9][a-z0-9-]*/[^./\\\s]+$"


def _type_problem(field: pa.Field, schema: pa.Schema) -> str:
    if field.name not in schema.names:
        return "absent"
    found = schema.field(field.name).type
    return "" if found == field.type else f"{found} instead of {field.type}"


def _null_problem(field: pa.Field, table: pa.Table) -> str:
    if field.nullable or field.name not in table.schema.names:
        return ""
    count = table.column(field.name).null_count
    return f"{count} nulls" if count else ""


SUITE = Suite(
    "schema",
    "The candidate is the table that it says it is",
    frames=(
        Frame(
            "columns",
            "columns",
            lambda inputs: list(PAIRS.names),
            {
                "type_problem": lambda inputs: [_type_problem(field, inputs.table.schema) for field in PAIRS],
                "null_problem": lambda inputs: [_null_problem(field, inputs.table) for field in PAIRS],
            },
        ),
        Frame(
            "candidate",
            "pairs",
            of_column("image_id"),
            {"image_id": of_column("image_id"), "modality": of_column("modality")},
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
        extreme(
            "enough pairs",
            "size",
            "pairs",
            "pairs",
            side="Min",
            limit=lambda parameters: parameters.gate.minimum_pairs,
        ),
        among("declared columns, in order", "size", "columns", "tables", [", ".join(PAIRS.names)]),
        without("declared types", "columns", "type_problem", "columns"),
        without("no nulls where a value is required", "columns", "null_problem", "columns"),
        Check("unique image ids", "candidate", "image_id", "pairs", "ExpectColumnValuesToBeUnique"),
        Check(
            "image ids are corpus/stem",
            "candidate",
            "image_id",
            "pairs",
            "ExpectColumnValuesToMatchRegex",
            lambda _: {"regex": IMAGE_ID},
        ),
        among("SAR images only", "candidate", "modality", "pairs", ["sar"]),
    ),
)
