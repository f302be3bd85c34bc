"""Loads a Marquee package as a model of `mlflow.pyfunc`, and runs its graphs in ONNX Runtime.

A row of the input is one prediction: the ratings that a user has given and a movie.

    history_movies   the ids of the movies that the user rated, the oldest rating first
    history_ratings  the ratings of these movies, in stars
    movie            the id of the movie to predict

The answer has the columns `rating`, clipped to the scale of the ratings, and `spread`, one standard deviation, both in
stars. A movie that the model does not know has the mean and the spread of the training ratings; in a history it is
passed over. The numbers are those of Marquee's own inference for the same history.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pandas as pd
import pyarrow.parquet

# The ratings of a user that count, the newest ones.
LONGEST_HISTORY = 500

# The rows that run together. They share the length of the longest history.
BATCH = 64

# The newest format of a manifest that this reads.
SCHEMA = 1

TYPES = {"tensor(int64)": np.int64, "tensor(float)": np.float32}


def _load_pyfunc(path: str) -> Model:
    """Loads the package in a folder. MLflow calls this by its name."""
    return Model(Path(path))


class Model:
    """A verified package, ready to predict."""

    def __init__(self, folder: Path) -> None:
        self.manifest = json.loads((folder / "manifest.json").read_bytes())
        if self.manifest["schema"] > SCHEMA:
            raise ValueError(
                f"the package has schema {self.manifest['schema']} and this loader reads up to {SCHEMA}: "
                "log the model again with a newer Marquee"
            )
        files = {name: self._verified(folder, name) for name in ("encoder.onnx", "scorer.onnx", "movies.parquet")}
        self.encoder = onnxruntime.InferenceSession(files["encoder.onnx"], providers=["CPUExecutionProvider"])
        self.scorer = onnxruntime.InferenceSession(files["scorer.onnx"], providers=["CPUExecutionProvider"])
        movies = pyarrow.parquet.read_table(pyarrow.BufferReader(files["movies.parquet"]), columns=["movie_id"])
        self.index = {movie: at for at, movie in enumerate(movies.column("movie_id").to_pylist())}

    def _verified(self, folder: Path, name: str) -> bytes:
        """A file of the package, if it is the one that the manifest lists."""
        content = (folder / name).read_bytes()
        if hashlib.sha256(content).hexdigest() != self.manifest["files"][name]["sha256"]:
            raise ValueError(f"{name} is not the file that manifest.json lists: download the model again")
        return content

    def predict(self, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Predicts a rating for each row."""
        missing = [name for name in ("history_movies", "history_ratings", "movie") if name not in model_input.columns]
        if missing:
            raise ValueError(f"the input lacks the columns {', '.join(missing)}")
        columns = (model_input[name] for name in ("history_movies", "history_ratings", "movie"))
        rows = [
            (self._history(at, movies, ratings), str(movie))
            for at, (movies, ratings, movie) in enumerate(zip(*columns, strict=True))
        ]
        answers = np.tile(self._prior(), (len(rows), 1))
        known = [at for at, (_, movie) in enumerate(rows) if movie in self.index]
        for start in range(0, len(known), BATCH):
            batch = known[start : start + BATCH]
            answers[batch] = self._run([rows[at][0] for at in batch], [self.index[rows[at][1]] for at in batch])
        scale = self.manifest["scale"]
        rating = np.clip(answers[:, 0], scale["min"], scale["max"])
        return pd.DataFrame({"rating": rating, "spread": answers[:, 1]}, index=model_input.index)

    def _history(self, row: int, movies: Iterable[Any] | None, ratings: Iterable[Any] | None) -> list[tuple[int, float]]:
        """The history of a row by movie index: the newest ratings of movies that the model knows."""
        movies = [] if movies is None else [str(movie) for movie in movies]
        ratings = [] if ratings is None else [float(rating) for rating in ratings]
        if len(movies) != len(ratings):
            raise ValueError(f"row {row}: history_movies has {len(movies)} entries and history_ratings {len(ratings)}")
        if not np.isfinite(ratings).all():
            raise ValueError(f"row {row}: history_ratings has a value that is not a number")
        pairs = list(zip(movies, ratings, strict=True))[-LONGEST_HISTORY:]
        return [(self.index[movie], rating) for movie, rating in pairs if movie in self.index]

    def _prior(self) -> tuple[float, float]:
        """The mean and the spread of the training ratings."""
        scale, metrics = self.manifest["scale"], self.manifest["metrics"]
        middle, quarter = (scale["min"] + scale["max"]) / 2, (scale["max"] - scale["min"]) / 4
        return metrics.get("rating_mean", middle), metrics.get("rating_spread", quarter)

    def _run(self, histories: list[list[tuple[int, float]]], movies: list[int]) -> np.ndarray:
        """The ratings and the spreads of one movie for each history."""
        # At least one column: an empty history is one entry of weight 0.
        shape = (len(histories), max(1, *(len(history) for history in histories)))
        cells = {name: np.zeros(shape) for name in ("movie", "rating", "weight")}
        for row, history in enumerate(histories):
            for column, (movie, rating) in enumerate(history):
                cells["movie"][row, column], cells["rating"][row, column] = movie, rating
                cells["weight"][row, column] = 1.0
        names = [output.name for output in self.encoder.get_outputs()]
        state = dict(zip(names, self.encoder.run(names, inputs(self.encoder, cells)), strict=True))
        state["movie"] = np.array(movies).reshape(-1, 1)
        rating, spread = self.scorer.run(["rating", "spread"], inputs(self.scorer, state))
        return np.stack([rating[:, 0], spread[:, 0]], axis=1).astype(np.float64)


def inputs(graph: onnxruntime.InferenceSession, values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The inputs of a graph by name, in their types."""
    unknown = [port.name for port in graph.get_inputs() if port.name not in values]
    if unknown:
        raise ValueError(f"the graph reads {', '.join(unknown)}, which this loader does not know: log the model again")
    return {port.name: values[port.name].astype(TYPES[port.type], copy=False) for port in graph.get_inputs()}
