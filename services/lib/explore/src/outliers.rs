//! Users and ratings that are unlike the others: people who give one value only, many ratings in a
//! moment, the pace of a machine, users far more active than the rest, and times that cannot be.
//!
//! What is found is a reason to look, not a verdict: sites that let people rate a page of movies at
//! once write many ratings in one second.

use marquee_domain::{Movie, Scale, Timestamp};
use serde::Serialize;

use crate::table::{NO_TIME, Rating, Table};

/// The fewest ratings from which one value only is odd.
const CONSTANT: usize = 20;

/// Ratings within [`MOMENT`] from which they are a burst: more than one a second.
const BURST: usize = 60;

/// A moment, in microseconds: a minute.
const MOMENT: i64 = 60_000_000;

/// The fewest ratings from which a pace is told.
const PACED: usize = 50;

/// The largest deviation of the time between ratings, as a share of its mean, that is the pace of a
/// machine. People's is about 1 or more.
const STEADY: f64 = 0.1;

/// The fewest ratings of a user who is unusually active.
const ACTIVE: usize = 100;

/// 1990, when the first site for rating movies began.
const FIRST: Timestamp = Timestamp::from_seconds(631_152_000);

/// Examples that are named.
const NAMED: usize = 5;

/// What is odd.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Users with at least 20 ratings, all of one value.
    Constant,
    /// Users with at least 60 ratings within a minute.
    Burst,
    /// Users with at least 50 ratings whose distance in time hardly varies: by less than a tenth.
    Steady,
    /// Users with at least 100 ratings, and more than the outer fence of the logarithms: three
    /// interquartile ranges above the upper quartile (Tukey 1977). Nobody, where all are alike.
    Active,
    /// Ratings after the time of the exploration.
    Future,
    /// Ratings before 1990.
    Early,
    /// Ratings from more than a year before the year of the movie. Festivals show movies in the
    /// year before.
    Unreleased,
    /// Ratings off the scale of the set.
    OffScale,
}

/// Users or ratings that are odd in one way.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outlier {
    /// In which way.
    pub kind: Kind,
    /// The users.
    pub users: u64,
    /// The ratings: all of the users, or those that are odd themselves.
    pub ratings: u64,
    /// Some of the users, those with the most such ratings first.
    pub examples: Vec<String>,
}

impl Kind {
    const ALL: [Self; 8] = [
        Self::Constant,
        Self::Burst,
        Self::Steady,
        Self::Active,
        Self::Future,
        Self::Early,
        Self::Unreleased,
        Self::OffScale,
    ];
}

/// What ratings are compared with.
struct Bounds<'a> {
    /// The number of ratings above which a user is unusually active.
    fence: Option<usize>,
    /// The time before which each movie could not be rated.
    released: Vec<i64>,
    scale: Option<&'a Scale>,
    now: Timestamp,
}

impl Bounds<'_> {
    /// Returns how many ratings of a user are odd in one way.
    fn odd(&self, kind: Kind, ratings: &[Rating]) -> usize {
        let all_if = |is_odd: bool| if is_odd { ratings.len() } else { 0 };
        let timed = || ratings.iter().filter(|rating| rating.time != NO_TIME);
        match kind {
            Kind::Constant => all_if(is_constant(ratings)),
            Kind::Burst => all_if(is_burst(ratings)),
            Kind::Steady => all_if(is_steady(ratings)),
            Kind::Active => all_if(self.fence.is_some_and(|fence| ratings.len() > fence)),
            Kind::Future => timed().filter(|rating| rating.time > self.now.micros()).count(),
            Kind::Early => timed().filter(|rating| rating.time < FIRST.micros()).count(),
            Kind::Unreleased => timed().filter(|rating| rating.time < self.released[rating.movie as usize]).count(),
            Kind::OffScale => self.scale.map_or(0, |scale| {
                ratings.iter().filter(|rating| scale.check(f64::from(rating.value)).is_err()).count()
            }),
        }
    }
}

/// Finds what is odd. Kinds that nobody is of are left out.
pub(crate) fn of(table: &Table, movies: &[Movie], scale: Option<&Scale>, now: Timestamp) -> Vec<Outlier> {
    let bounds = Bounds { fence: fence(table), released: released(table, movies), scale, now };
    Kind::ALL.into_iter().filter_map(|kind| outlier(kind, table, &bounds)).collect()
}

fn outlier(kind: Kind, table: &Table, bounds: &Bounds<'_>) -> Option<Outlier> {
    let counts = table.by_user().map(|ratings| bounds.odd(kind, ratings) as u64).enumerate();
    let mut users: Vec<(usize, u64)> = counts.filter(|(_, ratings)| *ratings > 0).collect();
    if users.is_empty() {
        return None;
    }
    users.sort_by_key(|(user, ratings)| (std::cmp::Reverse(*ratings), *user));
    let examples = users.iter().take(NAMED).map(|(user, _)| table.users.names()[*user].to_string());
    Some(Outlier {
        kind,
        users: users.len() as u64,
        ratings: users.iter().map(|(_, ratings)| ratings).sum(),
        examples: examples.collect(),
    })
}

fn is_constant(ratings: &[Rating]) -> bool {
    ratings.len() >= CONSTANT && ratings.windows(2).all(|pair| pair[0].value == pair[1].value)
}

fn is_burst(ratings: &[Rating]) -> bool {
    let is_close = |some: &[Rating]| some[0].time != NO_TIME && some[BURST - 1].time - some[0].time < MOMENT;
    ratings.windows(BURST).any(is_close)
}

fn is_steady(ratings: &[Rating]) -> bool {
    if ratings.len() < PACED || ratings[0].time == NO_TIME {
        return false;
    }
    let gaps = ratings.windows(2).map(|pair| pair[1].time.saturating_sub(pair[0].time) as f64);
    let count = (ratings.len() - 1) as f64;
    let mean = gaps.clone().sum::<f64>() / count;
    let deviation = (gaps.map(|gap| (gap - mean).powi(2)).sum::<f64>() / count).sqrt();
    mean > 0.0 && deviation < STEADY * mean
}

/// Returns the number of ratings above which a user is unusually active, or `None` where the middle
/// half of the users has the same number.
fn fence(table: &Table) -> Option<usize> {
    let mut counts: Vec<usize> = table.by_user().map(<[Rating]>::len).collect();
    counts.sort_unstable();
    let at = |share: f64| counts[((counts.len() - 1) as f64 * share).round() as usize];
    let (lower, upper) = (at(0.25), at(0.75));
    let fence = upper as f64 * (upper as f64 / lower as f64).powi(3);
    (upper > lower).then(|| (fence as usize).max(ACTIVE - 1))
}

/// Returns the start of the year of each movie, or the earliest time.
fn released(table: &Table, movies: &[Movie]) -> Vec<i64> {
    let mut released = vec![i64::MIN; table.movies.len()];
    for movie in movies {
        let (Some(number), Some(year)) = (table.movies.find(movie.id.as_str()), movie.year) else { continue };
        if let Some(start) = Timestamp::parse(&format!("{:04}-01-01T00:00:00Z", year - 1)) {
            released[number] = start.micros();
        }
    }
    released
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use marquee_domain::MovieId;

    use super::*;
    use crate::table::tests::table;

    const NOW: Timestamp = Timestamp::from_seconds(1_600_000_000);

    /// Ratings of a user at these seconds after 2001.
    fn lines(user: &str, values: impl Iterator<Item = (u32, u32)>) -> String {
        values.enumerate().fold(String::new(), |mut text, (movie, (value, second))| {
            let _ = writeln!(text, "{user},{movie},{value},{}", 1_000_000_000 + second);
            text
        })
    }

    /// Ratings of a person: values and pauses vary.
    fn person(user: &str, ratings: u32) -> String {
        lines(user, (0..ratings).map(|number| (1 + number * 7 % 5, number * number * 37)))
    }

    fn found(text: &str) -> Vec<(Kind, u64, u64, String)> {
        let outliers = of(&table(text), &[], None, NOW);
        outliers.into_iter().map(|one| (one.kind, one.users, one.ratings, one.examples.join(" "))).collect()
    }

    #[test]
    fn each_kind_is_found_and_people_are_not() {
        let people: String = (0..30).map(|number| person(&format!("p{number}"), 20 + number)).collect();
        assert!(found(&people).is_empty());
        for (kind, odd) in [
            (Kind::Constant, lines("odd", (0..20).map(|number| (4, number * number * 90)))),
            (Kind::Burst, lines("odd", (0..60).map(|number| (1 + number % 5, 7)))),
            (Kind::Steady, lines("odd", (0..50).map(|number| (1 + number % 5, number * 300)))),
            (Kind::Active, person("odd", 900)),
        ] {
            let ratings = odd.lines().count() as u64;
            assert_eq!(found(&format!("{people}{odd}")), [(kind, 1, ratings, "odd".to_owned())]);
        }
    }

    #[test]
    fn just_below_the_limits_nothing_is_found() {
        for text in [
            lines("a", (0..19).map(|number| (4, number * number * 90))),
            lines("a", (0..59).map(|number| (1 + number % 5, 7))),
            lines("a", (0..60).map(|number| (1 + number % 5, number + number * number / 50))),
            lines("a", (0..49).map(|number| (1 + number % 5, number * 300))),
        ] {
            assert!(found(&text).is_empty(), "{text}");
        }
    }

    #[test]
    fn where_all_are_alike_nobody_is_unusually_active() {
        for (users, ratings) in [(10, 120), (1, 500), (3, 343)] {
            let text: String = (0..users).map(|number| person(&format!("p{number}"), ratings)).collect();
            assert!(found(&text).is_empty(), "{users} users of {ratings}");
        }
    }

    #[test]
    fn impossible_times_and_values_are_found() {
        let text = "a,1,4,1700000000\na,2,4,100\nb,3,4,1000000000\nb,4,9,1000000000\nc,1,4,1000000000\n";
        let movie = |id: &str, year| {
            Movie::try_new(MovieId::try_new(id).expect("an id"), "t", Some(year), Vec::new()).expect("a movie")
        };
        // 1000000000 is in 2001: of a movie of 2003 it is too early, and of one of 2002 it is not.
        let movies = [movie("3", 2003), movie("4", 2002)];
        let scale = Scale::try_new(1.0, 5.0, 1.0).expect("a scale");
        let found: Vec<_> = of(&table(text), &movies, Some(&scale), NOW)
            .into_iter()
            .map(|one| (one.kind, one.ratings, one.examples.join(" ")))
            .collect();
        let one = |kind, user: &str| (kind, 1, user.to_owned());
        assert_eq!(
            found,
            [one(Kind::Future, "a"), one(Kind::Early, "a"), one(Kind::Unreleased, "b"), one(Kind::OffScale, "b")]
        );
    }

    #[test]
    fn ratings_without_times_are_no_bursts() {
        let text: String = (0..100).map(|number| format!("a,{number},{},\n", 1 + number % 5)).collect();
        assert!(found(&text).is_empty());
    }
}
