"""Fits rating models of other libraries on given folds: what `make bench-model` measures Marquee beside.

    rating_models.py permutation N FILE          numpy's RandomState(0).permutation(N), as 32-bit integers
    rating_models.py measure PEERS FOLD ...      one line of JSON for each peer and fold, as soon as it is there

A fold is a folder that `bench-model` writes: `train` and `test` are records of two 32-bit integers and a 32-bit float
(user, movie, stars), and `shape.json` has the number of users and of movies. PEERS are names of `PEERS`, with commas.

Every peer is fitted in a process of its own, so that its memory is its own. A peer that cannot run says why in its line
(`skipped`). Predictions are clipped to 1 to 5 stars. Seconds are those of the library's own fit, from arrays in memory.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

RATING = np.dtype([("user", "<u4"), ("movie", "<u4"), ("stars", "<f4")])

# More ratings than this are those of MovieLens 1M, for which the libraries were tuned apart.
LARGE = 300_000

# Samples that myFM leaves out of its averages, as its own examples do.
FIRST_SWEEPS = 5


class Unavailable(Exception):
    """Why a peer cannot run on this machine."""


@dataclass
class Fold:
    """Ratings to learn from, and ratings to predict."""

    train: np.ndarray
    test: np.ndarray
    users: int
    movies: int

    @staticmethod
    def read(folder: Path) -> Fold:
        """Reads what bench-model wrote."""
        shape = json.loads((folder / "shape.json").read_text())
        train, test = (np.fromfile(folder / name, dtype=RATING) for name in ("train", "test"))
        return Fold(train, test, shape["users"], shape["movies"])

    @property
    def large(self) -> bool:
        """Whether it is of MovieLens 1M."""
        return len(self.train) > LARGE

    def rmse(self, predicted: np.ndarray) -> float:
        """The root mean squared error of predictions of the test ratings."""
        return float(np.sqrt(np.mean((np.clip(predicted, 1.0, 5.0) - self.test["stars"]) ** 2)))


@dataclass
class Settings:
    """What the command line says about all peers."""

    # Sweeps of myFM.
    sweeps: int = 512
    # Whether to measure RMSE against seconds on the way.
    curve: bool = False
    threads: int = 2


@dataclass
class Outcome:
    """What was measured. Absent values are not known for this peer."""

    library: str
    settings: str
    rmse: float | None = None
    seconds: float | None = None
    sweep_seconds: float | None = None
    # Seconds of fitting, and the RMSE that they buy.
    curve: list[tuple[float, float]] = field(default_factory=list)


def version(package: str) -> str:
    """The installed version of a package."""
    from importlib.metadata import version as installed

    return installed(package)


def surprise(
    fold: Fold, settings: Settings, described: str, make: Callable[[int | None], Any], curve: tuple[int, ...]
) -> Outcome:
    """Fits an algorithm of Surprise. `make` gets the number of epochs, or None for that of the description."""
    import pandas
    from surprise import Dataset, Reader

    frame = pandas.DataFrame({name: fold.train[name] for name in RATING.names})
    trainset = Dataset.load_from_df(frame, Reader(rating_scale=(1, 5))).build_full_trainset()
    pairs = list(zip(fold.test["user"].tolist(), fold.test["movie"].tolist(), strict=True))
    outcome = Outcome(f"Surprise {version('scikit-surprise')}", described)

    def fit(epochs: int | None) -> tuple[float, float]:
        algorithm = make(epochs)
        started = time.perf_counter()
        algorithm.fit(trainset)
        seconds = time.perf_counter() - started
        predicted = np.array([algorithm.predict(user, movie, clip=False).est for user, movie in pairs])
        return seconds, fold.rmse(predicted)

    outcome.seconds, outcome.rmse = fit(None)
    if settings.curve and curve:
        outcome.curve = [fit(epochs) for epochs in curve] + [(outcome.seconds, outcome.rmse)]
    return outcome


def surprise_svd(fold: Fold, settings: Settings) -> Outcome:
    """Surprise's SVD as it comes."""
    from surprise import SVD

    make = lambda epochs: SVD(n_epochs=epochs or 20, random_state=0)  # noqa: E731
    return surprise(fold, settings, "SVD, defaults", make, (2, 5, 10))


def surprise_svd_tuned(fold: Fold, settings: Settings) -> Outcome:
    """Surprise's SVD with settings that were tuned on MovieLens 100K."""
    from surprise import SVD

    tuned = {"n_factors": 100, "lr_all": 0.005, "reg_all": 0.08, "random_state": 0}
    make = lambda epochs: SVD(n_epochs=epochs or 60, **tuned)  # noqa: E731
    return surprise(fold, settings, "SVD, k = 100, 60 epochs, rate .005, reg. .08", make, (5, 15, 30))


def surprise_svdpp(fold: Fold, settings: Settings) -> Outcome:
    """Surprise's SVD++ as it comes."""
    from surprise import SVDpp

    make = lambda epochs: SVDpp(n_epochs=epochs or 20, random_state=0)  # noqa: E731
    return surprise(fold, settings, "SVD++, defaults", make, ())


def surprise_knn(fold: Fold, settings: Settings) -> Outcome:
    """Surprise's neighbors of movies."""
    from surprise import KNNBaseline

    similarity = {"name": "pearson_baseline", "user_based": False, "shrinkage": 100}
    make = lambda _: KNNBaseline(k=60, sim_options=similarity, verbose=False)  # noqa: E731
    return surprise(fold, settings, "item kNN with baselines, k = 60, shrinkage 100", make, ())


class Node(ctypes.Structure):
    """`mf_node` of LibMF."""

    _fields_ = [("u", ctypes.c_int), ("v", ctypes.c_int), ("r", ctypes.c_float)]


class Problem(ctypes.Structure):
    """`mf_problem` of LibMF."""

    _fields_ = [("m", ctypes.c_int), ("n", ctypes.c_int), ("nnz", ctypes.c_longlong), ("R", ctypes.POINTER(Node))]


class Parameter(ctypes.Structure):
    """`mf_parameter` of LibMF."""

    _fields_ = (
        [(name, ctypes.c_int) for name in ("fun", "k", "nr_threads", "nr_bins", "nr_iters")]
        + [(name, ctypes.c_float) for name in ("lambda_p1", "lambda_p2", "lambda_q1", "lambda_q2", "eta")]
        + [(name, ctypes.c_bool) for name in ("do_nmf", "quiet", "copy_data")]
    )


class Model(ctypes.Structure):
    """`mf_model` of LibMF."""

    _fields_ = [(name, ctypes.c_int) for name in ("fun", "m", "n", "k")] + [
        ("b", ctypes.c_float),
        ("P", ctypes.POINTER(ctypes.c_float)),
        ("Q", ctypes.POINTER(ctypes.c_float)),
    ]


def libmf_library(folder: Path) -> ctypes.CDLL:
    """Compiles LibMF with the flags of its own Makefile, for this machine."""
    cache = Path(os.environ.get("MARQUEE_LIBMF", ""))
    if not (cache / "mf.cpp").is_file():
        raise Unavailable("its source is not there: run `make models`")
    compiler = os.environ.get("CXX") or shutil.which("g++") or shutil.which("c++")
    if compiler is None:
        raise Unavailable("it has no wheel, and there is no C++ compiler: install g++")
    wide = platform.machine() == "x86_64" and "avx" in Path("/proc/cpuinfo").read_text()
    vectors = ["-DUSEAVX"] if wide else []
    library = folder / "libmf.so"
    flags = ["-O3", "-std=c++11", "-march=native", "-pthread", "-fopenmp", "-DUSEOMP", *vectors, "-shared", "-fPIC"]
    command = [compiler, *flags, str(cache / "mf.cpp"), "-o", str(library)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    if built.returncode != 0:
        raise Unavailable(f"it does not compile: {(built.stderr.strip().splitlines() or ['no message'])[-1]}")
    return ctypes.CDLL(str(library))


def libmf(fold: Fold, settings: Settings, k: int, iterations: int, penalty: float) -> Outcome:
    """Fits LibMF."""
    with tempfile.TemporaryDirectory(prefix="libmf-") as folder:
        library = libmf_library(Path(folder))
    library.mf_train.argtypes = [ctypes.POINTER(Problem), Parameter]
    library.mf_train.restype = ctypes.POINTER(Model)
    library.mf_get_default_param.restype = Parameter
    nodes = fold.train.ctypes.data_as(ctypes.POINTER(Node))
    problem = Problem(fold.users, fold.movies, len(fold.train), nodes)

    def fit(iterations: int) -> tuple[float, float]:
        parameter = library.mf_get_default_param()
        parameter.k, parameter.nr_iters, parameter.nr_threads = k, iterations, settings.threads
        parameter.lambda_p2 = parameter.lambda_q2 = penalty
        parameter.lambda_p1 = parameter.lambda_q1 = 0.0
        parameter.eta, parameter.quiet, parameter.copy_data = 0.05, True, True
        started = time.perf_counter()
        model = library.mf_train(ctypes.byref(problem), parameter).contents
        seconds = time.perf_counter() - started
        rows = np.ctypeslib.as_array(model.P, (model.m, model.k))[fold.test["user"]]
        columns = np.ctypeslib.as_array(model.Q, (model.n, model.k))[fold.test["movie"]]
        predicted = np.einsum("ij,ij->i", rows, columns)
        # The rows of users and movies without training ratings are NaN. LibMF predicts its mean for them.
        return seconds, fold.rmse(np.where(np.isnan(predicted), model.b, predicted))

    settings_text = f"k = {k}, {iterations} iterations, l2 {penalty}, rate .05, {settings.threads} threads"
    outcome = Outcome(f"LibMF {Path(os.environ['MARQUEE_LIBMF']).name.partition('-')[2]}", settings_text)
    outcome.seconds, outcome.rmse = fit(iterations)
    if settings.curve:
        steps = [step for step in (3, 6, 12, 25, 40) if step < iterations]
        outcome.curve = [fit(step) for step in steps] + [(outcome.seconds, outcome.rmse)]
    return outcome


def libmf_64(fold: Fold, settings: Settings) -> Outcome:
    """LibMF with 64 factors."""
    return libmf(fold, settings, 64, 60, 0.05 if fold.large else 0.08)


def libmf_128(fold: Fold, settings: Settings) -> Outcome:
    """LibMF with 128 factors."""
    return libmf(fold, settings, 128, 60 if fold.large else 80, 0.05 if fold.large else 0.1)


def blocks(fold: Fold, sets: bool) -> tuple[list[Any], list[Any], list[int]]:
    """The relation blocks of training and test, and the sizes of the groups of features.

    A user's row has the user, and with `sets` the movies that the user rated in training, each 1/sqrt(their number). A
    movie's row has the movie, and the users who rated it. No test pair is in a set.
    """
    import myfm
    from scipy import sparse

    def side(rows: np.ndarray, partners: np.ndarray, count: int, others: int) -> Any:
        own = sparse.identity(count, format="csr")
        if not sets:
            return own
        ones = sparse.csr_matrix((np.ones(len(rows)), (rows, partners)), shape=(count, others))
        each = np.maximum(np.asarray(ones.sum(axis=1)).ravel(), 1.0)
        return sparse.hstack([own, sparse.diags(1.0 / np.sqrt(each)) @ ones], format="csr")

    users = side(fold.train["user"], fold.train["movie"], fold.users, fold.movies)
    movies = side(fold.train["movie"], fold.train["user"], fold.movies, fold.users)

    def relations(ratings: np.ndarray) -> list[Any]:
        pairs = [(ratings["user"], users), (ratings["movie"], movies)]
        return [myfm.RelationBlock(list(map(int, index)), features) for index, features in pairs]

    groups = [fold.users, fold.movies, fold.movies, fold.users] if sets else [fold.users, fold.movies]
    return relations(fold.train), relations(fold.test), groups


class Sweeps:
    """Times the sweeps of myFM, and scores the average of its samples now and then. Its own time counts for nothing."""

    def __init__(self, fold: Fold, test: list[Any], curve: bool) -> None:
        from scipy import sparse

        self.fold, self.test, self.curve = fold, test, curve
        self.empty = sparse.csr_matrix((len(fold.test), 0), dtype=np.float64)
        self.sum = np.zeros(len(fold.test))
        self.fitting = 0.0
        self.resumed = time.perf_counter()
        self.each: list[float] = []
        self.points: list[tuple[float, float]] = []

    def __call__(self, sweep: int, model: Any, *_: Any) -> tuple[bool, None]:
        passed = time.perf_counter() - self.resumed
        self.each.append(passed)
        self.fitting += passed
        if self.curve:
            done = sweep + 1
            score = model.predict_score(self.empty, self.test)
            if done > FIRST_SWEEPS:
                self.sum += score
            if done & (done - 1) == 0 or done % 64 == 0:
                mean = self.sum / (done - FIRST_SWEEPS) if done > FIRST_SWEEPS else score
                self.points.append((self.fitting, self.fold.rmse(mean)))
        self.resumed = time.perf_counter()
        return False, None


def myfm(fold: Fold, settings: Settings, sets: bool, ordinal: bool = False) -> Outcome:
    """Fits myFM by Gibbs sampling on one thread: it has no more."""
    try:
        import myfm as library
    except ImportError as error:
        raise Unavailable(f"it does not import: {error}") from error
    from scipy import sparse

    train, test, groups = blocks(fold, sets)
    rank = 32 if fold.large else 10
    likelihood = "ordinal" if ordinal else "Gaussian"
    features = "both sets" if sets else "no sets"
    described = f"{features}, {likelihood}, k = {rank}, {settings.sweeps} sweeps, 1 thread"
    outcome = Outcome(f"myFM {version('myfm')}", described)
    kept = settings.sweeps - FIRST_SWEEPS
    sweeps = Sweeps(fold, test, settings.curve and not ordinal)
    empty = sparse.csr_matrix((len(fold.train), 0), dtype=np.float64)
    common: dict[str, Any] = {"X_rel": train, "n_iter": settings.sweeps, "n_kept_samples": kept}
    common |= {"group_shapes": groups, "callback": sweeps}
    sweeps.resumed = time.perf_counter()
    if ordinal:
        model = library.MyFMOrderedProbit(rank=rank, random_seed=1)
        model.fit(empty, fold.train["stars"].astype(int) - 1, **common)
    else:
        model = library.MyFMRegressor(rank=rank, random_seed=1)
        model.fit(empty, fold.train["stars"].astype(np.float64), **common)
    outcome.seconds = sweeps.fitting + time.perf_counter() - sweeps.resumed
    nothing = sparse.csr_matrix((len(fold.test), 0), dtype=np.float64)
    if ordinal:
        levels = model.predict_proba(nothing, test)
        predicted = levels @ np.arange(1.0, 1.0 + levels.shape[1])
    else:
        predicted = model.predict(nothing, test)
    outcome.rmse = fold.rmse(predicted)
    outcome.sweep_seconds = float(np.median(sweeps.each[1:]))
    outcome.curve = sweeps.points
    return outcome


def myfm_mf(fold: Fold, settings: Settings) -> Outcome:
    """Bayesian matrix factorization."""
    return myfm(fold, settings, sets=False)


def myfm_both(fold: Fold, settings: Settings) -> Outcome:
    """With the sets of users and of movies: the best that myFM does without dates and side information."""
    return myfm(fold, settings, sets=True)


def myfm_ordinal(fold: Fold, settings: Settings) -> Outcome:
    """The same for ordered stars."""
    return myfm(fold, settings, sets=True, ordinal=True)


PEERS: dict[str, Callable[[Fold, Settings], Outcome]] = {
    "surprise-svd": surprise_svd,
    "surprise-svd-tuned": surprise_svd_tuned,
    "surprise-svdpp": surprise_svdpp,
    "surprise-knn": surprise_knn,
    "libmf-64": libmf_64,
    "libmf-128": libmf_128,
    "myfm-mf": myfm_mf,
    "myfm-both": myfm_both,
    "myfm-ordinal": myfm_ordinal,
}


def peak_mib() -> float:
    """The most memory that this process has had. getrusage would count what a parent had before it started this one."""
    status = Path("/proc/self/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


def fit(peer: str, folder: Path, settings: Settings) -> dict[str, Any]:
    """Fits one peer on one fold, in this process."""
    fold = Fold.read(folder)
    before = peak_mib()
    try:
        outcome = PEERS[peer](fold, settings)
    except Unavailable as error:
        return {"skipped": str(error)}
    except ImportError as error:
        return {"skipped": f"it does not import: {error}"}
    # What the interpreter, numpy and the ratings take is told apart from what the fit takes.
    return {**asdict(outcome), "memory_mib": peak_mib(), "memory_before_mib": before}


def measure(peers: list[str], folders: list[Path], settings: Settings) -> Iterator[dict[str, Any]]:
    """Fits each peer on each fold, in a process for each."""
    options = ["--sweeps", str(settings.sweeps), "--threads", str(settings.threads)]
    options += ["--curve"] if settings.curve else []
    for peer in peers:
        for folder in folders:
            command = [sys.executable, "-W", "ignore", __file__, "fit", *options, peer, str(folder)]
            result = subprocess.run(command, capture_output=True, text=True, check=False)
            lines = result.stdout.strip().splitlines()
            line = {"peer": peer, "fold": folder.name}
            if result.returncode == 0 and lines:
                yield {**line, **json.loads(lines[-1])}
            else:
                reason = (result.stderr.strip().splitlines() or ["no message"])[-1]
                yield {**line, "skipped": f"it failed ({result.returncode}): {reason}"}


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    permutation = commands.add_parser("permutation")
    permutation.add_argument("count", type=int)
    permutation.add_argument("file", type=Path)
    for name in ("measure", "fit"):
        command = commands.add_parser(name)
        command.add_argument("--sweeps", type=int, default=Settings.sweeps, help="sweeps of myFM")
        command.add_argument("--threads", type=int, default=Settings.threads, help="threads of LibMF")
        command.add_argument("--curve", action="store_true", help="measure RMSE against seconds too")
        command.add_argument("peers", type=lambda text: text.split(","))
        command.add_argument("folds", type=Path, nargs="+")
    arguments = parser.parse_args()
    if arguments.command == "permutation":
        new = arguments.file.with_name(f"{arguments.file.name}.{os.getpid()}")
        np.random.RandomState(0).permutation(arguments.count).astype("<u4").tofile(new)
        new.replace(arguments.file)
        return 0
    unknown = [peer for peer in arguments.peers if peer not in PEERS]
    if unknown:
        parser.error(f"no peer is called {unknown[0]}: choose from {', '.join(PEERS)}")
    settings = Settings(arguments.sweeps, arguments.curve, arguments.threads)
    if arguments.command == "fit":
        print(json.dumps(fit(arguments.peers[0], arguments.folds[0], settings)))
        return 0
    for line in measure(arguments.peers, arguments.folds, settings):
        print(json.dumps(line), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
