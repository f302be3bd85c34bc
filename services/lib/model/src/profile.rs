//! profile.parquet: the distributions of the data that a model was trained on. Later they show how
//! far live traffic has drifted from the training data.
//!
//! The file is one long table with the columns distribution, low (included), high (excluded) and
//! count. Each row is a bucket.

use marquee_parquet::{Column, Error, Table};

/// A distribution as counts in buckets.
#[derive(Debug, Clone, PartialEq)]
pub struct Distribution {
    /// Name of the measured value, for example `rating`.
    pub name: String,
    /// Buckets in ascending order.
    pub buckets: Vec<Bucket>,
}

/// A bucket of a distribution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    /// Lower bound, included.
    pub low: f64,
    /// Upper bound, excluded.
    pub high: f64,
    /// Number of values in the bucket.
    pub count: u64,
}

impl Distribution {
    /// Counts values in buckets that start at the given ascending bounds. Values below the first
    /// bound count in the first bucket. The last bucket has no upper bound.
    pub fn of(name: &str, bounds: &[f64], values: impl Iterator<Item = f64>) -> Self {
        let mut buckets: Vec<Bucket> = bounds
            .iter()
            .enumerate()
            .map(|(at, &low)| Bucket { low, high: bounds.get(at + 1).copied().unwrap_or(f64::INFINITY), count: 0 })
            .collect();
        for value in values {
            let at = bounds.partition_point(|&low| low <= value).saturating_sub(1);
            if let Some(bucket) = buckets.get_mut(at) {
                bucket.count += 1;
            }
        }
        Self { name: name.to_owned(), buckets }
    }
}

/// Returns the distributions as the bytes of a Parquet file.
pub fn to_parquet(distributions: &[Distribution]) -> Result<Vec<u8>, Error> {
    let rows = || distributions.iter().flat_map(|d| d.buckets.iter().map(move |bucket| (&d.name, bucket)));
    let table = Table {
        columns: vec![
            ("distribution".to_owned(), Column::Utf8(rows().map(|(name, _)| Some(name.clone())).collect())),
            ("low".to_owned(), Column::Float64(rows().map(|(_, bucket)| Some(bucket.low)).collect())),
            ("high".to_owned(), Column::Float64(rows().map(|(_, bucket)| Some(bucket.high)).collect())),
            ("count".to_owned(), Column::Int64(rows().map(|(_, bucket)| Some(bucket.count as i64)).collect())),
        ],
    };
    marquee_parquet::write(&table)
}
