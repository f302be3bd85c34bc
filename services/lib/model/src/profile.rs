//! profile.parquet: the distributions that a model was trained on, to tell later how far live traffic has drifted.
//!
//! One long table: distribution, bucket (lower and upper end, upper excluded), count.

use marquee_parquet::{Column, Error, Table};

/// A distribution in buckets.
#[derive(Debug, Clone, PartialEq)]
pub struct Distribution {
    /// What is distributed, for example `rating`.
    pub name: String,
    /// Buckets in ascending order.
    pub buckets: Vec<Bucket>,
}

/// A bucket of a distribution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    /// Lower end, included.
    pub low: f64,
    /// Upper end, excluded.
    pub high: f64,
    /// How many fell into it.
    pub count: u64,
}

impl Distribution {
    /// Counts values into buckets that start at the given ascending bounds; below the first falls into the first, the last is open upwards.
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

/// The file's bytes.
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
