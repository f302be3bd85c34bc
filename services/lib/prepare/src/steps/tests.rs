//! Tests of the steps: what each drops and why, and what must hold for every set.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::Plan;
use crate::apply::apply;
use crate::report::Applied;
use crate::set::Set;
use crate::set::tests::{set, shown};

/// Carries out a plan of one step.
fn run(set: &mut Set, step: &str) -> Applied {
    let plan = Plan::parse(&format!("version = 1\n[[steps]]\n{step}\n")).unwrap_or_else(|error| panic!("{error}"));
    apply(&plan.steps()[0], set).unwrap_or_else(|error| panic!("{error}"))
}

/// Returns the ratings that a step leaves, and the reasons with the numbers of ratings and users.
fn left(lines: &str, step: &str) -> (String, String) {
    let mut set = set(lines, &[]);
    let applied = run(&mut set, step);
    let reasons: Vec<String> =
        applied.dropped.iter().map(|one| format!("{}: {} of {}", one.reason, one.ratings, one.users)).collect();
    (shown(&set).join(", "), reasons.join("; "))
}

fn is(lines: &str, step: &str, ratings: &str, reasons: &str) {
    assert_eq!(left(lines, step), (ratings.to_owned(), reasons.to_owned()), "{step}");
}

#[test]
fn of_repeated_ratings_the_wanted_one_is_kept() {
    let lines = "a,1,1,20\nb,1,9,5\na,1,2,30\na,1,3,\na,1,4,10\na,1,5,30\na,1,6,10\n";
    let reason = "the user has another rating of the movie: 5 of 1";
    for (keep, kept) in [("newest", "b 1 9, a 1 5"), ("oldest", "b 1 9, a 1 4"), ("last", "b 1 9, a 1 6")] {
        is(lines, &format!("does = 'deduplicate'\nkeep = '{keep}'"), kept, reason);
    }
    is(lines, "does = 'deduplicate'\nkeep = 'first'", "a 1 1, b 1 9", reason);
    is(
        "a,1,1,\na,1,2,\n",
        "does = 'deduplicate'\nkeep = 'oldest'",
        "a 1 1",
        "the user has another rating of the movie: 1 of 1",
    );
}

#[test]
fn ratings_that_lack_a_field_are_dropped_for_it() {
    let movies = [("1", "Heat", Some(1995), &["Crime"][..]), ("2", "", None, &["Drama"]), ("3", "X", Some(1990), &[])];
    for (fields, kept, reasons) in [
        ("'rated_at'", "a 1 1, a 2 2, a 3 3, a 4 4", "the rating has no time 1"),
        ("'movie'", "a 1 1, a 2 2, a 3 3, b 1 5", "the movie is not in the catalog 1"),
        ("'title', 'genres'", "a 1 1, b 1 5", "the movie has no title 2, the movie has no genres 1"),
        ("'year'", "a 1 1, a 3 3, b 1 5", "the movie has no year 2"),
    ] {
        let mut set = set("a,1,1,10\na,2,2,10\na,3,3,10\na,4,4,10\nb,1,5,\n", &movies);
        let applied = run(&mut set, &format!("does = 'drop_missing'\nfields = [{fields}]"));
        let found: Vec<String> = applied.dropped.iter().map(|one| format!("{} {}", one.reason, one.ratings)).collect();
        assert_eq!((shown(&set).join(", ").as_str(), found.join(", ").as_str()), (kept, reasons), "{fields}");
    }
}

#[test]
fn a_period_has_its_start_and_not_its_end() {
    // 2001-09-09T01:46:40Z and the seconds around it.
    let lines = "a,1,1,999999999\na,2,2,1000000000\na,3,3,1000000001\na,4,4,\n";
    let step = "does = 'keep_times'\nfrom = 2001-09-09T01:46:40Z\nto = '2001-09-09T01:46:41Z'";
    let reasons =
        "the rating is before 2001-09-09T01:46:40Z: 1 of 1; the rating is not before 2001-09-09T01:46:41Z: 1 of 1";
    is(lines, step, "a 2 2, a 4 4", reasons);
    is(lines, "does = 'keep_times'\nfrom = 2001-09-09", "a 1 1, a 2 2, a 3 3, a 4 4", "");
}

#[test]
fn ratings_are_mapped_or_dropped_by_scales() {
    let lines = "a,1,0,1\na,2,7,1\na,3,10,1\na,4,11,1\n";
    let step = "does = 'map_scale'\nfrom = '0..10'\nto = { min = 0.5, max = 5, step = 0.5 }";
    is(lines, step, "a 1 0.5, a 2 3.5, a 3 5", "the rating is outside of 0..10: 1 of 1");
    let lines = "a,1,0.5,1\na,2,1.2,1\na,3,6,1\na,4,3.5000001,1\n";
    let step = "does = 'drop_off_scale'\nscale = { min = 0.5, max = 5, step = 0.5 }";
    let reasons = "the rating is not from 0.5 to 5: 1 of 1; the rating is between the steps of 0.5 from 0.5: 1 of 1";
    is(lines, step, "a 1 0.5, a 4 3.5", reasons);
}

#[test]
fn ratings_beyond_the_fence_are_dropped_within_their_groups() {
    // Of movie 1 the mean is 4 without the outlier; movie 2 has too few.
    let many: String = (0..20).map(|user| format!("u{user},1,{},{}\n", 3 + user % 3, 1_000 + user)).collect();
    let lines = format!("{many}odd,1,9,1000\nodd,2,9,999999\n");
    for (step, dropped) in [
        ("of = 'rating'\nmethod = 'iqr'\nlimit = 1.5\nwithin = 'movie'", 1),
        ("of = 'rating'\nmethod = 'z_score'\nwithin = 'movie'", 1),
        ("of = 'rating'\nmethod = 'z_score'\nwithin = 'movie'\nside = 'below'", 0),
        ("of = 'rating'\nmethod = 'z_score'\nwithin = 'user'", 0),
        ("of = 'rating'\nmethod = 'iqr'\nlimit = 1.5", 2),
        ("of = 'rated_at'\nmethod = 'iqr'", 1),
    ] {
        let applied = run(&mut set(&lines, &[]), &format!("does = 'drop_outlier_ratings'\n{step}"));
        assert_eq!(applied.lost(), dropped, "{step}: {applied:?}");
    }
    let applied = run(&mut set(&lines, &[]), "does = 'drop_outlier_ratings'\nof = 'rating'\nmethod = 'iqr'\nlimit = 1");
    assert_eq!(applied.notes, ["usual is from 1.000 to 7.000"]);
    for (side, note) in [("above", "usual is at most 7.000"), ("below", "usual is at least 1.000")] {
        let step = format!("does = 'drop_outlier_ratings'\nof = 'rating'\nmethod = 'iqr'\nlimit = 1\nside = '{side}'");
        assert_eq!(run(&mut set(&lines, &[]), &step).notes, [note]);
    }
    assert_eq!(applied.dropped[0].examples, [["odd", "1"], ["odd", "2"]].map(|pair| pair.map(str::to_owned)));
}

#[test]
fn users_beyond_the_fence_are_dropped_with_all_their_ratings() {
    let of = |user: &str, count: u32, value: fn(u32) -> u32| -> String {
        (0..count).map(|movie| format!("{user},m{movie},{},1000\n", value(movie))).collect()
    };
    let people: String = (0..12).map(|user| of(&format!("u{user}"), 20 + user, |movie| 2 + movie % 3)).collect();
    for (odd, step, reason) in [
        (of("odd", 400, |movie| 2 + movie % 3), "of = 'ratings'\nmethod = 'iqr'\nlog = true", "number"),
        (of("odd", 400, |movie| 2 + movie % 3), "of = 'ratings'\nmethod = 'z_score'\nside = 'above'", "number"),
        (of("odd", 20, |movie| 4 + movie % 2), "of = 'mean'\nmethod = 'iqr'", "mean"),
        (of("odd", 20, |_| 3), "of = 'deviation'\nmethod = 'iqr'\nside = 'below'", "deviation"),
    ] {
        let mut set = set(&format!("{odd}{people}"), &[]);
        let count = odd.lines().count() as u64;
        let applied = run(&mut set, &format!("does = 'drop_outlier_users'\n{step}"));
        assert_eq!((applied.lost(), applied.before.users - applied.after.users), (count, 1), "{step}: {applied:?}");
        assert_eq!(applied.dropped[0].reason, format!("the {reason} of the user's ratings is an outlier"));
    }
    let reason = "the user has at least 20 ratings, all of one value: 20 of 1";
    let (_, reasons) =
        left(&format!("{}{}", of("odd", 20, |_| 3), of("few", 19, |_| 3)), "does = 'drop_constant_users'");
    assert_eq!(reasons, reason);
}

#[test]
fn bursts_are_dropped_or_the_users_who_have_them() {
    let lines = "a,1,1,100\na,2,1,101\na,3,1,102\na,4,1,103\na,5,1,500\nb,1,1,100\nb,2,1,102\nb,3,1,103\nb,4,1,\n";
    let kept = "a 5 1, b 1 1, b 2 1, b 3 1, b 4 1";
    is(
        lines,
        "does = 'drop_bursts'\nratings = 3\nseconds = 3\ndrop = 'ratings'",
        kept,
        "one of at least 3 ratings in less than 3 s of the user: 4 of 1",
    );
    let kept = "b 1 1, b 2 1, b 3 1, b 4 1";
    is(
        lines,
        "does = 'drop_bursts'\nratings = 3\nseconds = 3",
        kept,
        "the user has at least 3 ratings in less than 3 s: 5 of 1",
    );
}

#[test]
fn minimum_counts_are_reached_in_a_chain() {
    // Each drop leaves too few for the next: d, then movie 3, then c, then movie 2.
    let lines = "a,1,1,1\na,9,1,1\nb,1,1,1\nb,9,1,1\na,2,1,1\nc,2,1,1\nc,3,1,1\nd,3,1,1\n";
    let reasons = "the user has fewer than 2 ratings: 2 of 2; the movie has fewer than 2 ratings: 2 of 2";
    is(lines, "does = 'minimum_counts'\nusers = 2\nmovies = 2", "a 1 1, a 9 1, b 1 1, b 9 1", reasons);
    is(lines, "does = 'minimum_counts'\nmovies = 1", &shown(&set(lines, &[])).join(", "), "");
}

/// Returns how many ratings each part of a split has, and the parts of the ratings.
fn split(lines: &str, step: &str) -> (Vec<usize>, Vec<u8>) {
    let mut set = set(lines, &[]);
    run(&mut set, &format!("does = 'split'\n{step}"));
    let parts = set.parts.expect("parts");
    let count = |number: u8| parts.of.iter().filter(|of| **of == number).count();
    ((0..parts.names.len() as u8).map(count).collect(), parts.of.clone())
}

const PARTS: &str =
    "parts = [{ name = 'train', share = 0.8 }, { name = 'a', share = 0.1 }, { name = 'b', share = 0.1 }]";

#[test]
fn a_split_by_time_keeps_instants_together_and_the_order() {
    let lines: String =
        (0..100).map(|number| format!("u{},{number},3,{}\n", number % 7, 1_000 + (number * 37) % 100)).collect();
    let (counts, _) = split(&lines, &format!("by = 'time'\n{PARTS}"));
    assert_eq!(counts, [80, 10, 10]);
    // Ten at each instant, so the first part ends before the eighth.
    let lines: String = (0..100).map(|number| format!("u,{number},3,{}\n", 1_000 + number / 10)).collect();
    let thirds = "parts = [{ name = 'train', share = 0.75 }, { name = 'b', share = 0.25 }]";
    let (counts, parts) = split(&lines, &format!("by = 'time'\n{thirds}"));
    assert_eq!(counts, [70, 30]);
    assert!(parts.is_sorted());
    // Of each user the newest are in the last part, and the only rating of a user is in the first.
    let lines: String = (0..10).map(|number| format!("u,{number},3,{}\n", 2_000 - number)).collect();
    let (_, parts) = split(&format!("{lines}v,1,3,9999\nw,1,3,\n"), &format!("by = 'time'\nwithin = 'user'\n{PARTS}"));
    assert_eq!(parts, [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn a_split_of_each_user_keeps_instants_together_and_has_all_users_in_the_first_part() {
    let halves = "by = 'time'\nwithin = 'user'\n\
                  parts = [{ name = 'train', share = 0.5 }, { name = 'test', share = 0.5 }]";
    let lines = "u,1,3,100\nv,1,3,100\nv,2,3,200\nv,3,3,200\nv,4,3,200\nw,1,3,100\nw,2,3,200\n";
    assert_eq!(split(lines, halves).1, [0, 0, 0, 0, 0, 0, 1]);
}

#[test]
fn a_split_that_leaves_a_part_empty_is_an_error_that_names_it() {
    let many: String = (0..9).map(|number| format!("u{number},1,3,5\n")).collect();
    let untimed: String = (0..9).map(|number| format!("u{number},1,3,\n")).collect();
    let newer = "z,1,3,6\n";
    for (lines, by, words) in [
        (&untimed, "time", "no rating is in the part train, as 9 of 10 ratings have no time: drop them first"),
        (&many, "time", "no rating is in the part train, as 10 ratings have too few instants"),
        (&many, "time'\nwithin = 'user", "no rating is in the part a, as 10 ratings have too few instants"),
    ] {
        let text = format!("version = 1\n[[steps]]\nname = 'x'\ndoes = 'split'\nby = '{by}'\n{PARTS}\n");
        let plan = Plan::parse(&text).expect("a plan");
        let error = apply(&plan.steps()[0], &mut set(&format!("{lines}{newer}"), &[])).expect_err(by).to_string();
        assert!(error.starts_with(&format!("step 1 (x): {words}")), "{error}");
    }
    let text = format!("version = 1\n[[steps]]\ndoes = 'split'\nby = 'user'\n{PARTS}\n");
    let error = apply(&Plan::parse(&text).expect("a plan").steps()[0], &mut set("a,1,3,5\n", &[])).expect_err("one");
    assert!(error.to_string().contains("too few"), "{error}");
}

#[test]
fn where_the_middle_half_does_not_vary_the_note_says_so() {
    let lines = "a,1,4,1\nb,1,4,1\nc,1,4,1\nd,1,4,1\ne,1,9,1\n";
    let step = "does = 'drop_outlier_ratings'\nof = 'rating'\nmethod = 'iqr'\nat_least = 5";
    let notes = run(&mut set(lines, &[]), step).notes;
    assert_eq!(notes, ["no rating was judged: too few ratings, or the middle half does not vary; use z_score"]);
}

#[test]
fn a_split_by_hash_has_the_shares_and_depends_on_ids_and_salt_only() {
    let lines: Vec<String> = (0..2_000).map(|number| format!("u{},{number},3,5\n", number % 500)).collect();
    let by_user = format!("by = 'user'\n{PARTS}");
    let (_, parts) = split(&lines.concat(), &by_user);
    for (at, part) in parts.iter().enumerate() {
        assert_eq!(*part, parts[at % 500], "all ratings of a user are in one part");
    }
    for step in [by_user, format!("by = 'random'\nsalt = 'x'\n{PARTS}")] {
        let (counts, parts) = split(&lines.concat(), &step);
        assert!((1_450..1_750).contains(&counts[0]) && counts[1].min(counts[2]) > 100, "{counts:?}");
        let reversed: Vec<String> = lines.iter().rev().cloned().collect();
        let (_, mut again) = split(&reversed.concat(), &step);
        again.reverse();
        assert_eq!(parts, again);
    }
    assert_ne!(parts, split(&lines.concat(), &format!("by = 'user'\nsalt = 'x'\n{PARTS}")).1);
}

/// Ratings of a few users and movies, as a list.
fn rows() -> impl Strategy<Value = Vec<(u32, u32, u32, u32)>> {
    proptest::collection::vec((0..8_u32, 0..8_u32, 0..6_u32, 0..400_u32), 1..120)
}

fn lines(rows: &[(u32, u32, u32, u32)]) -> String {
    rows.iter().map(|(user, movie, value, time)| format!("u{user},m{movie},{value},{}\n", 1_000 + time)).collect()
}

/// Carries a step out, and returns what is left, or `None` if nothing is.
fn leaves(set: &mut Set, step: &str) -> Option<Vec<String>> {
    let plan = Plan::parse(&format!("version = 1\n[[steps]]\n{step}\n")).expect("a plan");
    apply(&plan.steps()[0], set).ok().map(|_| shown(set))
}

proptest! {
    #[test]
    fn steps_that_decide_by_what_is_there_change_nothing_a_second_time(rows in rows()) {
        for step in [
            "does = 'deduplicate'",
            "does = 'deduplicate'\nkeep = 'oldest'",
            "does = 'keep_times'\nfrom = 1970-01-01T00:18:00Z\nto = 1970-01-01T00:22:00Z",
            "does = 'drop_off_scale'\nscale = { min = 1, max = 5, step = 2 }",
            "does = 'drop_bursts'\nratings = 4\nseconds = 30",
            "does = 'drop_constant_users'\nat_least = 2",
            "does = 'minimum_counts'\nusers = 4\nmovies = 3",
        ] {
            let mut set = set(&lines(&rows), &[]);
            let Some(once) = leaves(&mut set, step) else { continue };
            prop_assert_eq!(leaves(&mut set, step), Some(once), "{}", step);
        }
    }

    #[test]
    fn minimum_counts_leave_what_repeated_passes_leave(rows in rows(), users in 1..6_u32, movies in 1..6_u32) {
        let mut wanted = shown(&set(&lines(&rows), &[]));
        loop {
            let mut counts = BTreeMap::<String, u32>::new();
            let ids = |rating: &str| rating.split(' ').take(2).map(str::to_owned).collect::<Vec<_>>();
            wanted.iter().flat_map(|rating| ids(rating)).for_each(|id| *counts.entry(id).or_default() += 1);
            let before = wanted.len();
            wanted.retain(|rating| {
                let ids = ids(rating);
                counts[&ids[0]] >= users && counts[&ids[1]] >= movies
            });
            if wanted.len() == before {
                break;
            }
        }
        let mut set = set(&lines(&rows), &[]);
        let found = leaves(&mut set, &format!("does = 'minimum_counts'\nusers = {users}\nmovies = {movies}"));
        prop_assert_eq!(found.unwrap_or_default(), wanted);
    }
}
