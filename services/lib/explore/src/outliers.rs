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
    /// interquartile ranges above the upper quartile (Tukey 1977).
    Active,
    /// Ratings after the time of the exploration.
    Future,
    /// Ratings before 1990.
    Early,
    /// Ratings before the year of the movie.
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

/// Collects the users of each kind.
#[derive(Debug, Default)]
struct Found {
    /// The number of the user, and of the ratings.
    users: Vec<(usize, u64)>,
}

impl Found {
    fn add(&mut self, user: usize, ratings: usize) {
        if ratings > 0 {
            self.users.push((user, ratings as u64));
        }
    }

    fn outlier(mut self, kind: Kind, table: &Table) -> Option<Outlier> {
        if self.users.is_empty() {
            return None;
        }
        self.users.sort_by_key(|(user, ratings)| (std::cmp::Reverse(*ratings), *user));
        let examples = self.users.iter().take(NAMED).map(|(user, _)| table.users.names[*user].to_string());
        Some(Outlier {
            kind,
            users: self.users.len() as u64,
            ratings: self.users.iter().map(|(_, ratings)| ratings).sum(),
            examples: examples.collect(),
        })
    }
}

/// Finds what is odd. Kinds that nobody is of are left out.
pub(crate) fn of(table: &Table, movies: &[Movie], scale: Option<&Scale>, now: Timestamp) -> Vec<Outlier> {
    let released = released(table, movies);
    let fence = fence(table);
    let count = |ratings: &[Rating], is_odd: &dyn Fn(&Rating) -> bool| ratings.iter().filter(|one| is_odd(one)).count();
    let has_time = |rating: &Rating| rating.time != NO_TIME;
    let kinds: [(Kind, Box<dyn Fn(&[Rating]) -> usize + '_>); 8] = [
        (Kind::Constant, Box::new(|ratings| all_if(ratings, is_constant(ratings)))),
        (Kind::Burst, Box::new(|ratings| all_if(ratings, is_burst(ratings)))),
        (Kind::Steady, Box::new(|ratings| all_if(ratings, is_steady(ratings)))),
        (Kind::Active, Box::new(move |ratings| all_if(ratings, ratings.len() as f64 > fence))),
        (Kind::Future, Box::new(move |ratings| count(ratings, &|rating| rating.time > now.micros()))),
        (
            Kind::Early,
            Box::new(move |ratings| count(ratings, &|rating| has_time(rating) && rating.time < FIRST.micros())),
        ),
        (
            Kind::Unreleased,
            Box::new(move |ratings| {
                let is_odd = |rating: &Rating| has_time(rating) && rating.time < released[rating.movie as usize];
                count(ratings, &is_odd)
            }),
        ),
        (
            Kind::OffScale,
            Box::new(move |ratings| {
                scale.map_or(0, |scale| count(ratings, &|rating| scale.check(f64::from(rating.value)).is_err()))
            }),
        ),
    ];
    let mut found: [Found; 8] = Default::default();
    for (user, ratings) in table.by_user().enumerate() {
        for ((_, odd), found) in kinds.iter().zip(&mut found) {
            found.add(user, odd(ratings));
        }
    }
    kinds.iter().zip(found).filter_map(|((kind, _), found)| found.outlier(*kind, table)).collect()
}

fn all_if(ratings: &[Rating], is_odd: bool) -> usize {
    if is_odd { ratings.len() } else { 0 }
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

/// Returns the number of ratings above which a user is unusually active.
fn fence(table: &Table) -> f64 {
    let mut logarithms: Vec<f64> = table.by_user().map(|ratings| (ratings.len() as f64).ln()).collect();
    logarithms.sort_by(f64::total_cmp);
    let at = |share: f64| logarithms[((logarithms.len() - 1) as f64 * share).round() as usize];
    let (lower, upper) = (at(0.25), at(0.75));
    (upper + 3.0 * (upper - lower)).exp().max(ACTIVE as f64)
}

/// Returns the start of the year of each movie, or the earliest time.
fn released(table: &Table, movies: &[Movie]) -> Vec<i64> {
    let mut released = vec![i64::MIN; table.movies.len()];
    for movie in movies {
        let (Some(number), Some(year)) = (table.movies.find(movie.id.as_str()), movie.year) else { continue };
        // Festivals show movies in the year before.
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
