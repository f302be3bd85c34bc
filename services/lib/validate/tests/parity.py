"""Validates tables with Great Expectations, for the test in parity.rs.

Reads one JSON object from standard input: {"tables": [{"columns": [{"name", "type", "values"}]}],
"pairs": [{"table", "type", "kwargs", "format"}]}, and writes one line of JSON for each pair.
"""

import json
import logging
import sys
import warnings

warnings.filterwarnings("ignore")

import great_expectations as gx  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration  # noqa: E402

logging.disable(logging.CRITICAL)

TYPES = {"bool": "bool", "int": "int64", "float": "float64", "text": "str", "time": "datetime64[us]"}


def series(column: dict) -> pd.Series:
    """One column, with the types that pandas gives to a file of such values."""
    values = column["values"]
    kind = column["type"]
    if kind == "int" and None in values:
        kind = "float"
    if kind == "time":
        return pd.Series(pd.to_datetime(values, format="ISO8601")).astype(TYPES[kind])
    return pd.Series(values, dtype=TYPES[kind])


def plain(value: object) -> object:
    """What the package puts into a result and cannot save."""
    if isinstance(value, np.bool_):
        return bool(value)
    raise TypeError(f"{type(value)} in a result")


def main() -> None:
    """Validates every pair."""
    if int(pd.__version__.partition(".")[0]) < 3:
        # Older versions have no type of texts, so types and missing values differ.
        sys.exit(f"pandas {pd.__version__} is older than 3")
    given = json.load(sys.stdin)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    source = context.data_sources.add_pandas("pandas")
    batches = []
    for at, table in enumerate(given["tables"]):
        frame = pd.DataFrame({column["name"]: series(column) for column in table["columns"]})
        asset = source.add_dataframe_asset(f"table{at}")
        batches.append(asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": frame}))
    for pair in given["pairs"]:
        expectation = ExpectationConfiguration(type=pair["type"], kwargs=pair["kwargs"]).to_domain_obj()
        result = batches[pair["table"]].validate(expectation, result_format=pair["format"]).to_json_dict()
        print(json.dumps(result, default=plain))


if __name__ == "__main__":
    main()
