//! Everything that an exploration finds.

use marquee_datasets::Dataset;
use marquee_domain::Timestamp;
use serde::Serialize;

use crate::activity::Activity;
use crate::catalog::{self, Catalog};
use crate::finding::Finding;
use crate::outliers::{self, Outlier};
use crate::periods::{self, Drift, Times};
use crate::table::{NO_TIME, Problem, Table};
use crate::values::Distribution;

/// The version of the JSON form.
pub const VERSION: u32 = 1;

/// What is in a set of ratings.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Exploration {
    /// The version of this form, [`VERSION`].
    pub version: u32,
    /// The name of the set.
    pub name: String,
    /// What was understood of its files: a name and a value each.
    pub understood: Vec<(String, String)>,
    /// What stands out, the most serious first.
    pub findings: Vec<Finding>,
    /// The rows of the files.
    pub rows: Rows,
    /// Ratings that a user gave a movie more than once.
    pub repeated: Repeated,
    /// The share of all pairs of a user and a movie that have a rating.
    pub density: f64,
    /// The ratings.
    pub ratings: Distribution,
    /// Ratings given by each user.
    pub users: Activity,
    /// Ratings of each movie that has some.
    pub movies: Activity,
    /// The catalog, if the set has one.
    pub catalog: Option<Catalog>,
    /// The ratings over time, if they have times.
    pub times: Option<Times>,
    /// How the ratings change from one part of the time to the next, if they have times.
    pub drift: Option<Drift>,
    /// Users and ratings that are unlike the others.
    pub outliers: Vec<Outlier>,
}

/// What the rows of the files are.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rows {
    /// Rows that are ratings.
    pub ratings: u64,
    /// Rows that cannot be read, by the field that is wrong.
    pub unreadable: Vec<Problem>,
    /// Rows that say that there is no rating.
    pub unrated: u64,
    /// Ratings without a time.
    pub without_time: u64,
    /// Why the files cannot be read to their end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut: Option<String>,
    /// Why the list of movies cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub catalog_cut: Option<String>,
}

/// Ratings of a pair of a user and a movie that has several.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Repeated {
    /// Ratings beyond the first of their pair.
    pub ratings: u64,
    /// Of these, those that equal another of their pair in value and time: rows that are in the
    /// files twice.
    pub identical: u64,
    /// Of these, those that change the value: people who rated again.
    pub changed: u64,
}

impl Repeated {
    /// Counts over all users.
    fn of(table: &Table) -> Self {
        let (mut repeated, mut sorted) = (Self::default(), Vec::new());
        for ratings in table.by_user() {
            sorted.clear();
            sorted.extend_from_slice(ratings);
            sorted.sort_by(|left, right| {
                (left.movie, left.time).cmp(&(right.movie, right.time)).then(left.value.total_cmp(&right.value))
            });
            for pair in sorted.windows(2) {
                let [before, after] = [pair[0], pair[1]];
                if before.movie != after.movie {
                    continue;
                }
                repeated.ratings += 1;
                repeated.identical += u64::from(before == after);
                repeated.changed += u64::from(before.value != after.value);
            }
        }
        repeated
    }
}

/// Explores what was read. The findings are still to be added.
pub(crate) fn of(dataset: &Dataset, table: &Table, movies: &marquee_datasets::Catalog, now: Timestamp) -> Exploration {
    let ratings = table.ratings();
    let distribution = Distribution::of(ratings.iter().map(|rating| rating.value));
    let mut of_movies = vec![0_u64; table.movies.len()];
    ratings.iter().for_each(|rating| of_movies[rating.movie as usize] += 1);
    let of_users = table.by_user().map(|ratings| ratings.len() as u64).collect();
    let repeated = Repeated::of(table);
    let pairs = (ratings.len() as u64 - repeated.ratings) as f64;
    let mut exploration = Exploration {
        version: VERSION,
        name: dataset.name.clone(),
        understood: dataset.dialect().facts().into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        findings: Vec::new(),
        rows: Rows {
            ratings: ratings.len() as u64,
            unreadable: table.problems.clone(),
            unrated: table.unrated,
            without_time: ratings.iter().filter(|rating| rating.time == NO_TIME).count() as u64,
            cut: table.cut.clone(),
            catalog_cut: None,
        },
        repeated,
        density: pairs / (table.users.len() as f64 * table.movies.len() as f64),
        users: Activity::of(of_users),
        movies: Activity::of(of_movies),
        catalog: catalog::of(table, movies),
        times: None,
        drift: None,
        outliers: outliers::of(table, &movies.movies, dataset.scale.as_ref(), now),
        ratings: distribution,
    };
    if let Some((times, drift)) = periods::of(table, &exploration.ratings, now) {
        (exploration.times, exploration.drift) = (Some(times), drift);
    }
    exploration
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explore;
    use crate::table::tests::{dataset, table};

    #[test]
    fn repeated_ratings_are_told_apart() {
        let rows = "1,1,4,10\n1,1,4,10\n1,1,5,20\n1,2,3,30\n2,1,4,10\n";
        assert_eq!(Repeated::of(&table(rows)), Repeated { ratings: 2, identical: 1, changed: 1 });
        let of_one_instant = table("1,1,4,10\n1,1,3,10\n1,1,4,10\n");
        assert_eq!(Repeated::of(&of_one_instant), Repeated { ratings: 2, identical: 1, changed: 1 });
    }

    #[test]
    fn odd_rows_are_counted_and_the_rest_is_explored() {
        let lines =
            "1,1,4,1000000000\n,1,4,1000000000\n1,2,x,1000000000\n2,\u{202e}2,5,999999999999\n2,3,,1000000000\n";
        let explored = explore(&dataset(lines), Timestamp::from_seconds(1_500_000_000), &()).expect("ratings");
        assert!(explored.rows.ratings >= 2, "{:?}", explored.rows);
        assert!(explored.rows.unreadable.iter().map(|problem| problem.rows).sum::<u64>() >= 2, "{:?}", explored.rows);
        let json = serde_json::to_value(&explored).expect("JSON");
        assert_eq!((&json["version"], &json["name"]), (&1.into(), &"ratings".into()));
        assert!(crate::html(&explored).ends_with("</html>\n"));
    }

    #[test]
    fn density_counts_each_pair_once() {
        let explored = explore(&dataset("1,1,4,10\n1,1,5,20\n2,2,3,10\n"), Timestamp::from_seconds(100), &());
        assert_eq!(explored.expect("ratings").density, 0.5);
    }
}
