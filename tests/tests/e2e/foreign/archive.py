"""Reads all of an archive of ratings by an engine that nobody here wrote, and prints as JSON what it found.

Arguments: the engine, and the folder that holds `index/`. Only files that an index names count; they are read in one
go, with nothing said of what is in them. Printed are the columns' types, and of all rows these figures: how many there
are, how many have a rating, the least and the greatest rating, their sum, the first and the last time of a rating in
microseconds, and how many places in the log there are.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

def files(archive: Path) -> list[str]:
    """The files that count, each as its index says that it is."""
    found = []
    for place in sorted(archive.glob("index/*.json")):
        index = json.loads(place.read_bytes())
        for file in index["files"]:
            offsets = f"{file['first_offset']:020}-{file['last_offset']:020}"
            name = f"{index['topic']}-{index['partition']:05}-{offsets}.parquet"
            path = archive / f"day={file['day']}" / name
            if hashlib.sha256(path.read_bytes()).hexdigest() != file["sha256"]:
                raise SystemExit(f"{path} is not the file that the index names")
            found.append(str(path))
    return found


def by_duckdb(paths: list[str]) -> dict[str, Any]:
    """DuckDB, in SQL."""
    import duckdb

    database = duckdb.connect()
    types = database.execute("DESCRIBE SELECT * FROM read_parquet($1)", [paths]).fetchall()
    figures = """
        SELECT count(*), count(rating), min(rating), max(rating), sum(rating),
            epoch_us(min(rated_at) FILTER (kind = 'rated')), epoch_us(max(rated_at) FILTER (kind = 'rated')),
            count(DISTINCT ("partition", "offset"))
        FROM read_parquet($1)
    """
    (row,) = database.execute(figures, [paths]).fetchall()
    return {"types": {name: kind for name, kind, *_ in types}, "figures": list(row)}


def by_polars(paths: list[str]) -> dict[str, Any]:
    """Polars, by its lazy reader."""
    import polars as pl

    ratings = pl.scan_parquet(paths)
    types = {name: str(kind) for name, kind in ratings.collect_schema().items()}
    rating, at = pl.col("rating"), pl.col("rated_at").filter(pl.col("kind") == "rated").dt.epoch("us")
    figures = {
        "rows": pl.len(),
        "rated": rating.count(),
        "min": rating.min(),
        "max": rating.max(),
        "sum": rating.sum(),
        "first": at.min(),
        "last": at.max(),
        "distinct": pl.struct("partition", "offset").n_unique(),
    }
    return {"types": types, "figures": list(ratings.select(**figures).collect().row(0))}


def by_pandas(paths: list[str]) -> dict[str, Any]:
    """pandas, by PyArrow."""
    import pandas as pd

    ratings = pd.read_parquet(paths)
    types = {str(name): str(kind) for name, kind in ratings.dtypes.items()}
    rating = ratings["rating"]
    at = ratings.loc[ratings["kind"] == "rated", "rated_at"].dt.as_unit("us").astype("int64")
    distinct = len(ratings[["partition", "offset"]].drop_duplicates())
    figures = [len(ratings), rating.count(), rating.min(), rating.max(), rating.sum(), at.min(), at.max(), distinct]
    return {"types": types, "figures": [figure.item() if hasattr(figure, "item") else figure for figure in figures]}


engines: dict[str, Callable[[list[str]], dict[str, Any]]] = {
    "duckdb": by_duckdb,
    "polars": by_polars,
    "pandas": by_pandas,
}
engine, folder = sys.argv[1:]
print(json.dumps(engines[engine](files(Path(folder)))))
