//! The ratings of the data set in the order of time. Most are imported at the start, the newest
//! ones arrive while rollouts run.

use std::collections::BTreeMap;
use std::io::Write as _;

use anyhow::{Context, Result, ensure};
use marquee_cli::Client;
use marquee_datasets::{Dataset, Format, Options, Row};
use marquee_proto::convert;
use marquee_proto::ratings::v1::{Rating, SubmitRatingsRequest};

/// Ratings in the order of time, and how many of them have arrived.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    rows: Vec<Row>,
    arrived: usize,
    /// The last offset of each partition. A reader that is past them has seen every rating.
    positions: BTreeMap<u32, u64>,
}

impl Arrivals {
    /// Puts rows into the order of time. Rows of one time keep their order.
    pub(super) fn new(mut rows: Vec<Row>) -> Self {
        rows.sort_by_key(Row::time);
        Self { rows, ..Self::default() }
    }

    /// Returns how many ratings there are.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Returns how many ratings have arrived.
    pub(super) fn arrived(&self) -> usize {
        self.arrived
    }

    /// Returns the last offset of each partition that ratings were written to one by one.
    pub(super) fn positions(&self) -> &BTreeMap<u32, u64> {
        &self.positions
    }

    /// Returns the oldest ratings.
    pub(super) fn first(&self, count: usize) -> &[Row] {
        &self.rows[..count.min(self.rows.len())]
    }

    /// Returns the next ratings, up to the place `end` in the order of time, and counts them as
    /// arrived.
    pub(super) fn take(&mut self, end: usize) -> &[Row] {
        let begin = self.arrived;
        self.arrived = end.clamp(begin, self.rows.len());
        &self.rows[begin..self.arrived]
    }

    /// Sends the next ratings, at most `count`.
    ///
    /// # Errors
    /// The fleet does not accept all of them.
    pub(super) async fn send(&mut self, client: &Client, count: usize) -> Result<()> {
        let end = self.arrived.saturating_add(count);
        let ratings: Vec<Rating> = self.take(end).iter().map(rating).collect();
        if ratings.is_empty() {
            return Ok(());
        }
        let sent = ratings.len() as u64;
        let answer = client.call(client.ratings().submit_ratings(SubmitRatingsRequest { ratings })).await?;
        ensure!(answer.accepted == sent, "the fleet accepted {} of {sent} ratings", answer.accepted);
        self.positions.extend(answer.positions.iter().map(|position| (position.partition, position.offset)));
        Ok(())
    }
}

fn rating(row: &Row) -> Rating {
    Rating {
        user_id: row.user.clone(),
        movie_id: row.movie.clone(),
        rating: Some(row.rating),
        rated_at: Some(convert::timestamp(row.time())),
    }
}

/// Returns a data set of some ratings, as a file of JSON lines in memory.
pub(super) fn dataset(rows: &[Row]) -> Result<Dataset> {
    let mut text = Vec::new();
    for row in rows {
        let line = serde_json::json!({
            "userId": row.user,
            "movieId": row.movie,
            "rating": row.rating,
            "timestamp": row.time().to_string(),
        });
        serde_json::to_writer(&mut text, &line)?;
        text.write_all(b"\n")?;
    }
    let options = Options { format: Some(Format::Ndjson), ..Options::default() };
    marquee_datasets::open_bytes("ratings.ndjson", text.into(), options).context("read the ratings again")
}

#[cfg(test)]
mod tests {
    use marquee_domain::Timestamp;

    use super::*;

    fn row(user: &str, seconds: i64) -> Row {
        let rated_at = Some(Timestamp::from_seconds(seconds));
        Row { line: 1, user: user.to_owned(), movie: "m".to_owned(), rating: 3.5, rated_at }
    }

    fn users(rows: &[Row]) -> Vec<&str> {
        rows.iter().map(|row| row.user.as_str()).collect()
    }

    #[test]
    fn ratings_arrive_once_and_in_the_order_of_time() {
        let mut arrivals = Arrivals::new(vec![row("c", 30), row("a", 10), row("d", 30), row("b", 20)]);
        assert_eq!(users(arrivals.take(3)), ["a", "b", "c"]);
        assert_eq!(users(arrivals.take(2)), [""; 0], "what has arrived does not arrive again");
        assert_eq!(users(arrivals.take(9)), ["d"]);
        assert_eq!((arrivals.arrived(), arrivals.len()), (4, 4));
    }

    #[test]
    fn a_data_set_of_ratings_has_the_same_ratings() {
        let rows = vec![row("a,\"b\"", 881_250_949), row("ü", 881_250_950)];
        let read: Vec<Row> =
            dataset(&rows).expect("a data set").ratings().expect("opened").map(|row| row.expect("a row")).collect();
        let facts = |rows: &[Row]| -> Vec<_> {
            rows.iter().map(|row| (row.user.clone(), row.movie.clone(), row.rating.to_bits(), row.time())).collect()
        };
        assert_eq!(facts(&read), facts(&rows));
    }
}
