"""What rating_models.py promises, with the Python of `make models`: `python -m unittest discover tests/peers`."""

from __future__ import annotations

import json
import os
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import numpy as np
import rating_models as peers


def ratings(rows: list[tuple[int, int, float]]) -> np.ndarray:
    """Ratings as bench-model stores them."""
    return np.array(rows, dtype=peers.RATING)


class Folds(unittest.TestCase):
    """Folds and what is computed from them."""

    def setUp(self) -> None:
        self.fold = peers.Fold(ratings([(0, 0, 5), (0, 1, 3), (1, 1, 1)]), ratings([(1, 0, 4), (2, 2, 2)]), 3, 3)

    def test_a_stored_fold_is_read(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "shape.json").write_text(json.dumps({"users": 3, "movies": 3}))
            self.fold.train.tofile(folder / "train")
            self.fold.test.tofile(folder / "test")
            read = peers.Fold.read(folder)
        self.assertEqual((read.users, read.movies, len(read.train)), (3, 3, 3))
        np.testing.assert_array_equal(read.test, self.fold.test)

    def test_predictions_are_clipped_to_the_scale(self) -> None:
        self.assertEqual(self.fold.rmse(np.array([9.0, -3.0])), 1.0)

    def test_sets_hold_the_ratings_of_training_and_no_test_pair(self) -> None:
        with mock.patch("myfm.RelationBlock", side_effect=lambda index, features: (index, features)):
            train, test, groups = peers.blocks(self.fold, sets=True)
        (users, user_rows), (movies, movie_rows) = train
        self.assertEqual((users, movies, groups), ([0, 0, 1], [0, 1, 1], [3, 3, 3, 3]))
        root = 0.5**0.5
        expected = [[1, 0, 0, root, root, 0], [0, 1, 0, 0, 1, 0], [0, 0, 1, 0, 0, 0]]
        np.testing.assert_allclose(user_rows.toarray(), expected)
        expected = [[1, 0, 0, 1, 0, 0], [0, 1, 0, root, root, 0], [0, 0, 1, 0, 0, 0]]
        np.testing.assert_allclose(movie_rows.toarray(), expected)
        self.assertEqual([index for index, _ in test], [[1, 2], [0, 2]])


class Peers(unittest.TestCase):
    """What becomes of a peer that cannot run."""

    def test_a_library_that_is_not_there_says_why(self) -> None:
        with mock.patch.dict(os.environ, {"MARQUEE_LIBMF": ""}), tempfile.TemporaryDirectory() as folder:
            self.assertRaisesRegex(peers.Unavailable, "make models", peers.libmf_library, Path(folder))

    def test_a_peer_that_fails_leaves_a_line_with_the_reason(self) -> None:
        (line,) = peers.measure(["libmf-64"], [Path("/does/not/exist")], peers.Settings())
        self.assertEqual((line["peer"], line["fold"]), ("libmf-64", "exist"))
        self.assertRegex(line["skipped"], "No such file")


if __name__ == "__main__":
    unittest.main()
