"""Loads a model of a tracking server by its alias, and predicts the rows that it gets as JSON.

    predict.py http://127.0.0.1:5000 models:/ratings@champion < rows.json

Prints the predictions as JSON. It also checks that wrong rows are refused with the name of the column.
"""

from __future__ import annotations

import json
import sys

import mlflow
import pandas as pd


def main() -> None:
    """Command line: the server and the model."""
    server, model = sys.argv[1:]
    mlflow.set_tracking_uri(server)
    mlflow.set_registry_uri(server)
    rows = pd.DataFrame(json.load(sys.stdin))
    loaded = mlflow.pyfunc.load_model(model)
    predictions = loaded.predict(rows)

    # One row at a time answers the same as all at once.
    single = pd.concat([loaded.predict(rows.iloc[[at]]) for at in range(len(rows))])
    assert (single - predictions).abs().to_numpy().max() < 1e-4, (single, predictions)

    refused(loaded, rows.drop(columns=["movie"]), "movie")
    short = rows.head(1).assign(history_ratings=[[]])
    refused(loaded, short, "history_ratings")
    print(predictions.to_json(orient="records", double_precision=15))


def refused(loaded: mlflow.pyfunc.PyFuncModel, rows: pd.DataFrame, column: str) -> None:
    """Checks that rows are refused, and that the error names a column."""
    try:
        loaded.predict(rows)
    except Exception as error:  # noqa: BLE001
        assert column in str(error), error
    else:
        raise AssertionError(f"wrong rows were accepted: {column}")


if __name__ == "__main__":
    main()
