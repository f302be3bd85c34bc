//! The ratings over time: how many, by how many, and how their distribution changes.

use marquee_domain::Timestamp;
use serde::Serialize;

use crate::table::{NO_TIME, Table};
use crate::values::Distribution;

/// The most periods.
const PERIODS: usize = 60;

/// Parts of the time that are compared.
const PARTS: usize = 4;

/// The index from which a change is moderate, and from which it is large. These are the usual
/// bounds of the population stability index (Siddiqi 2006).
const MODERATE: f64 = 0.1;
const LARGE: f64 = 0.25;

/// The least share of a value in an index, so that a value that is new does not make it infinite.
const LEAST: f64 = 1e-4;

/// The fewest ratings of a part that is compared.
const FEWEST: u64 = 200;

const DAY: i64 = 86_400_000_000;

/// Ratings over time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Times {
    /// The first time, in RFC 3339. Times in the future are left out here.
    pub first: String,
    /// The last time.
    pub last: String,
    /// The length of a period: `day`, `week`, `month`, `quarter` or `year`, or `part` of a time
    /// that is longer than sixty years.
    pub length: &'static str,
    /// The periods, in order. Some may have no ratings.
    pub periods: Vec<Period>,
}

/// The ratings of a period.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Period {
    /// Its first day, as `2026-11-28`.
    pub from: String,
    /// Ratings.
    pub ratings: u64,
    /// Users who rated.
    pub users: u64,
    /// Users who rated for the first time.
    pub new_users: u64,
    /// Movies that were rated for the first time.
    pub new_movies: u64,
    /// The mean rating. `None` without ratings.
    pub mean: Option<f64>,
}

/// How the ratings change.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Drift {
    /// About equally many ratings each where periods allow it, in the order of time. Each is
    /// compared with the one before.
    pub parts: Vec<Part>,
}

/// A part of the time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Part {
    /// Its first day.
    pub from: String,
    /// Ratings.
    pub ratings: u64,
    /// The mean rating.
    pub mean: f64,
    /// The population stability index of the distribution of the ratings against the part before:
    /// Σ (q − p) ln(q ⁄ p), with shares of at least 0.0001, less what chance alone adds on average:
    /// (values − 1)(1 ⁄ n₁ + 1 ⁄ n₂). At least 0. `None` of the first part, and of parts with fewer
    /// than 200 ratings.
    pub psi: Option<f64>,
    /// The largest difference of the cumulative distributions (Kolmogorov 1933).
    pub ks: Option<f64>,
    /// What follows from the index.
    pub change: Option<Change>,
}

/// How much a distribution changed, by its population stability index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Below 0.1.
    Small,
    /// From 0.1.
    Moderate,
    /// From 0.25.
    Large,
}

/// Describes the ratings that have a possible time, or returns `None` if none has.
pub(crate) fn of(table: &Table, distribution: &Distribution, now: Timestamp) -> Option<(Times, Option<Drift>)> {
    let is_possible = |time: i64| time != NO_TIME && time <= now.micros();
    let times = || table.ratings().iter().map(|rating| rating.time).filter(|time| is_possible(*time));
    let (first, last) = (times().min()?, times().max()?);
    let (length, starts) = starts(first, last);
    let period_of = |time: i64| starts.partition_point(|start| *start <= time).saturating_sub(1);

    let mut periods: Vec<Period> =
        starts.iter().map(|start| Period { from: day(*start), ..Period::default() }).collect();
    let mut histograms = vec![vec![0_u64; distribution.bins.len()]; periods.len()];
    let mut sums = vec![0.0_f64; periods.len()];
    let mut movies = vec![i64::MAX; table.movies.len()];
    for ratings in table.by_user() {
        let mut before = None;
        for rating in ratings.iter().filter(|rating| is_possible(rating.time)) {
            let at = period_of(rating.time);
            let period = &mut periods[at];
            period.ratings += 1;
            // The ratings of a user are in the order of time.
            period.users += u64::from(before != Some(at));
            period.new_users += u64::from(before.is_none());
            before = Some(at);
            sums[at] += f64::from(rating.value);
            histograms[at][distribution.place(rating.value)] += 1;
            let known = &mut movies[rating.movie as usize];
            *known = rating.time.min(*known);
        }
    }
    movies.iter().filter(|time| **time != i64::MAX).for_each(|time| periods[period_of(*time)].new_movies += 1);
    for (period, sum) in periods.iter_mut().zip(&sums) {
        period.mean = (period.ratings > 0).then(|| sum / period.ratings as f64);
    }
    let drift = drift(&periods, &histograms, &sums);
    let rfc3339 = |micros: i64| Timestamp::from_micros(micros).to_rfc3339();
    Some((Times { first: rfc3339(first), last: rfc3339(last), length, periods }, drift))
}

/// Compares parts of the time with each other, or returns `None` if there is one only.
fn drift(periods: &[Period], histograms: &[Vec<u64>], sums: &[f64]) -> Option<Drift> {
    let all: u64 = periods.iter().map(|period| period.ratings).sum();
    // Neighbouring periods together, until a part has its share.
    let mut merged: Vec<(String, Vec<u64>, f64)> = Vec::new();
    let mut is_full = true;
    for ((period, histogram), sum) in periods.iter().zip(histograms).zip(sums) {
        if period.ratings == 0 {
            continue;
        }
        if is_full {
            merged.push((period.from.clone(), vec![0; histogram.len()], 0.0));
        }
        let Some((_, bins, values)) = merged.last_mut() else { continue };
        bins.iter_mut().zip(histogram).for_each(|(bin, count)| *bin += count);
        *values += sum;
        is_full = bins.iter().sum::<u64>() * PARTS as u64 >= all;
    }
    // What is left over at the end belongs to the part before it.
    if let [.., _, (_, last, _)] = &merged[..]
        && last.iter().sum::<u64>() * 2 * (PARTS as u64) < all
        && let Some((_, rest, sum)) = merged.pop()
        && let Some((_, bins, values)) = merged.last_mut()
    {
        bins.iter_mut().zip(&rest).for_each(|(bin, count)| *bin += count);
        *values += sum;
    }
    if merged.len() < 2 {
        return None;
    }
    let mut parts: Vec<Part> = Vec::new();
    for (at, (from, bins, values)) in merged.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|before| merged.get(before)).map(|(_, bins, _)| bins);
        let is_enough = |bins: &Vec<u64>| bins.iter().sum::<u64>() >= FEWEST;
        let before = before.filter(|before| is_enough(before) && is_enough(bins));
        let psi = before.map(|before| psi(before, bins));
        let ratings = bins.iter().sum::<u64>();
        parts.push(Part {
            from: from.clone(),
            ratings,
            mean: values / ratings as f64,
            psi,
            ks: before.map(|before| ks(before, bins)),
            change: psi.map(|psi| match psi {
                psi if psi < MODERATE => Change::Small,
                psi if psi < LARGE => Change::Moderate,
                _ => Change::Large,
            }),
        });
    }
    Some(Drift { parts })
}

/// Returns the shares of counts, of which one is above 0.
fn shares(counts: &[u64]) -> impl Iterator<Item = f64> + '_ {
    let all = counts.iter().sum::<u64>() as f64;
    counts.iter().map(move |count| *count as f64 / all)
}

fn psi(before: &[u64], after: &[u64]) -> f64 {
    let pairs = shares(before).zip(shares(after)).map(|(p, q)| (p.max(LEAST), q.max(LEAST)));
    let index: f64 = pairs.map(|(p, q)| (q - p) * (q / p).ln()).sum();
    let values = before.iter().zip(after).filter(|(before, after)| **before + **after > 0).count() as f64;
    let chance = |counts: &[u64]| (values - 1.0) / counts.iter().sum::<u64>() as f64;
    (index - chance(before) - chance(after)).max(0.0)
}

fn ks(before: &[u64], after: &[u64]) -> f64 {
    let (mut difference, mut largest) = (0.0_f64, 0.0_f64);
    for (p, q) in shares(before).zip(shares(after)) {
        difference += q - p;
        largest = largest.max(difference.abs());
    }
    largest
}

/// Returns the day of a time, as `2026-11-28`.
fn day(micros: i64) -> String {
    Timestamp::from_micros(micros).to_rfc3339().split('T').next().unwrap_or_default().to_owned()
}

/// Returns the starts of the periods: days, weeks, months, quarters or years, the shortest of which
/// there are not too many.
fn starts(first: i64, last: i64) -> (&'static str, Vec<i64>) {
    let (day, end) = (first.div_euclid(DAY), last.div_euclid(DAY));
    for (length, days) in [("day", 1), ("week", 7)] {
        if (end - day) / days < PERIODS as i64 {
            return (length, (day..=end).step_by(days as usize).map(|day| day * DAY).collect());
        }
    }
    let year = |micros: i64| {
        let text = Timestamp::from_micros(micros).to_rfc3339();
        let (year, rest) = text.split_at(text.rfind('T').map_or(4, |end| end.saturating_sub(6)));
        (year.parse::<i64>().unwrap_or(1970), rest.get(1..3).and_then(|month| month.parse::<i64>().ok()).unwrap_or(1))
    };
    let ((from, month), (to, _)) = (year(first), year(last));
    let within = |months: i64| {
        let starts = (from * 12..(to + 1) * 12).filter(move |number| number % months == 0);
        let starts = starts.filter_map(|number| start_of_month(number.div_euclid(12), number.rem_euclid(12) + 1));
        let mut starts: Vec<i64> = starts.filter(|start| *start <= last).collect();
        let before = starts.partition_point(|start| *start <= first).saturating_sub(1);
        starts.drain(..before);
        starts
    };
    for (length, months) in [("month", 1), ("quarter", 3), ("year", 12)] {
        let starts = within(months);
        if starts.len() <= PERIODS && !starts.is_empty() {
            return (length, starts);
        }
    }
    // Times over more than sixty years, of which most cannot be meant.
    let (first, last) = (start_of_month(from, month).unwrap_or(first).min(first), last);
    let width = (last - first) / PERIODS as i64 + 1;
    ("part", (0..PERIODS as i64).map(|number| first + number * width).collect())
}

fn start_of_month(year: i64, month: i64) -> Option<i64> {
    Timestamp::parse(&format!("{year:04}-{month:02}-01T00:00:00Z")).map(Timestamp::micros)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::tests::table;

    const NOW: Timestamp = Timestamp::from_seconds(2_000_000_000);

    fn of_text(text: &str) -> (Times, Option<Drift>) {
        let table = table(text);
        let distribution = Distribution::of(table.ratings().iter().map(|rating| rating.value));
        of(&table, &distribution, NOW).expect("times")
    }

    fn at(text: &str) -> i64 {
        Timestamp::parse(&format!("{text}T12:00:00Z")).expect("a day").micros()
    }

    #[test]
    fn periods_are_the_shortest_of_which_there_are_not_too_many() {
        for (first, last, length, count, second) in [
            ("2001-09-09", "2001-09-09", "day", 1, None),
            ("2001-09-09", "2001-11-07", "day", 60, Some("2001-09-10")),
            ("2001-09-09", "2001-11-09", "week", 9, Some("2001-09-16")),
            ("2001-09-09", "2003-11-09", "month", 27, Some("2001-10-01")),
            ("1999-12-31", "2005-01-01", "quarter", 22, Some("2000-01-01")),
            ("1995-03-03", "2019-11-21", "year", 25, Some("1996-01-01")),
        ] {
            let (found, starts) = starts(at(first), at(last));
            assert_eq!((found, starts.len()), (length, count), "{first} to {last}");
            assert_eq!(starts.get(1).map(|start| day(*start)).as_deref(), second);
            assert!(starts[0] <= at(first) && *starts.last().expect("a start") <= at(last));
        }
        assert_eq!(starts(at("0002-01-01"), at("2019-01-01")).1.len(), PERIODS);
    }

    #[test]
    fn a_period_counts_ratings_users_and_what_is_new() {
        // The first two days of 2002, and the third without ratings.
        let text = "a,1,4,1009850000\na,2,2,1009850001\nb,1,5,1009850002\na,3,1,1009940000\nc,1,3,1010102500\n\
                    d,9,1,3000000000\n";
        let (times, _) = of_text(text);
        assert_eq!((times.length, times.periods.len()), ("day", 4));
        let period = |from: &str, ratings, users, new_users, new_movies, mean| Period {
            from: from.to_owned(),
            ratings,
            users,
            new_users,
            new_movies,
            mean,
        };
        assert_eq!(times.periods[0], period("2002-01-01", 3, 2, 2, 2, Some(11.0 / 3.0)));
        assert_eq!(times.periods[1], period("2002-01-02", 1, 1, 0, 1, Some(1.0)));
        assert_eq!(times.periods[2], period("2002-01-03", 0, 0, 0, 0, None));
        assert_eq!(times.periods[3], period("2002-01-04", 1, 1, 1, 0, Some(3.0)));
        assert_eq!(times.last, "2002-01-04T00:01:40Z", "the future is left out");
    }

    #[test]
    fn a_change_is_found_where_it_is() {
        // Forty days: a share of a quarter of 5 in the first thirty, and of three quarters after.
        let text: String = (0..4_000_u32)
            .map(|number| {
                let day = number / 100;
                let fives = if day < 30 { 1 } else { 3 };
                let value = if number % 4 < fives { 5 } else { 3 };
                format!("{},{number},{value},{}\n", number % 50, 1_000_000_000 + day * 86_400)
            })
            .collect();
        let drift = of_text(&text).1.expect("parts");
        assert_eq!(drift.parts.iter().map(|part| part.ratings).collect::<Vec<_>>(), [1_000; 4]);
        let changes: Vec<Option<Change>> = drift.parts.iter().map(|part| part.change).collect();
        assert_eq!(changes, [None, Some(Change::Small), Some(Change::Small), Some(Change::Large)]);
        let last = &drift.parts[3];
        // (0.75 − 0.25) ln 3, twice.
        let by_chance = 2.0 / 1_000.0;
        assert!((last.psi.expect("an index") - (3.0_f64.ln() - by_chance)).abs() < 1e-9, "{last:?}");
        assert!((last.ks.expect("a distance") - 0.5).abs() < 1e-9, "{last:?}");
        assert!((last.mean - 4.5).abs() < 1e-9);
    }

    #[test]
    fn chance_is_no_drift() {
        // 4,000 independent ratings of nine values on forty days, by a linear congruence.
        let mut state = 1_u64;
        let text: String = (0..4_000_u32)
            .map(|number| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let value = 1 + (state >> 33) % 9;
                format!("{},{number},{value},{}\n", number % 50, 1_000_000_000 + number / 100 * 86_400)
            })
            .collect();
        let parts = of_text(&text).1.expect("parts").parts;
        assert!(parts.iter().all(|part| part.psi.is_none_or(|psi| psi < 0.02)), "{parts:?}");
        // A few ratings say nothing.
        let few = of_text("a,1,4,1000000000\na,2,1,1000200000\n").1.expect("parts").parts;
        assert!(few.iter().all(|part| part.psi.is_none() && part.change.is_none()), "{few:?}");
    }

    #[test]
    fn a_short_rest_belongs_to_the_part_before() {
        // Days of 93 ratings, ten of them, and one of 7.
        let text: String = (0..937_u32)
            .map(|number| {
                format!("{},{number},{},{}\n", number % 50, 1 + number % 5, 1_000_000_000 + number / 93 * 86_400)
            })
            .collect();
        let ratings: Vec<u64> = of_text(&text).1.expect("parts").parts.iter().map(|part| part.ratings).collect();
        assert_eq!(ratings.iter().sum::<u64>(), 937);
        assert!(ratings.iter().all(|ratings| *ratings > 937 / 8), "{ratings:?}");
    }

    #[test]
    fn one_period_is_no_drift_and_no_times_are_none() {
        assert_eq!(of_text("a,1,4,1000000000\n").1, None);
        let table = table("a,1,4,\n");
        let distribution = Distribution::of(table.ratings().iter().map(|rating| rating.value));
        assert_eq!(of(&table, &distribution, NOW), None);
    }
}
