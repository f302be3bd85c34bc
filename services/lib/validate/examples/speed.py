"""Times a suite with Great Expectations, for speed.rs: speed.py RATINGS.csv SUITE.json."""

import json
import logging
import sys
import time
import warnings

warnings.filterwarnings("ignore")

import great_expectations as gx  # noqa: E402
import pandas as pd  # noqa: E402
from great_expectations.core.expectation_suite import ExpectationSuite  # noqa: E402

logging.disable(logging.CRITICAL)

frame = pd.read_csv(sys.argv[1])
frame["rated_at"] = pd.to_datetime(frame["rated_at"], unit="s").astype("datetime64[us]")
context = gx.get_context(mode="ephemeral")
context.variables.progress_bars = {"globally": False}
asset = context.data_sources.add_pandas("pandas").add_dataframe_asset("ratings")
batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": frame})
with open(sys.argv[2], encoding="utf-8") as file:
    suite = ExpectationSuite(**json.load(file))
best = float("inf")
for _ in range(2):
    start = time.perf_counter()
    result = batch.validate(suite, result_format="SUMMARY")
    best = min(best, time.perf_counter() - start)
met = result.statistics["successful_expectations"]
print(f"great_expectations {gx.__version__}: {len(frame)} rows, {met} met, best of 2")
print(f"seconds {best:.3f}")
