//! Columns in and out of Parquet files.
