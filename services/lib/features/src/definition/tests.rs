//! Features by name and statistics rest on the same sums.

use marquee_domain::{Offset, Rating, RatingEvent, UserId};

use super::*;

fn row() -> UserRow {
    let mut row = UserRow::default();
    for (offset, (movie, value, day, genre)) in
        [("a", 5.0, 1, "Drama"), ("b", 3.0, 40, "Comedy"), ("c", 4.0, 41, "Drama")].into_iter().enumerate()
    {
        let rating = Rating {
            user: UserId::try_new("u").expect("valid"),
            movie: MovieId::try_new(movie).expect("valid"),
            value,
            rated_at: Timestamp::from_seconds(day * 86_400),
        };
        let genres = [genre.to_owned()];
        row.apply(&RatingEvent::Rated(rating), Offset(offset as u64), |_| &genres);
    }
    row
}

fn value(row: &UserRow, name: &str) -> Option<Value> {
    let definition = Definition::new(&[7, 30], 2);
    let column = definition.find(name).expect("known");
    definition.of_user(&[column], row, Timestamp::from_seconds(42 * 86_400)).pop().expect("one value")
}

#[test]
fn every_feature_is_what_its_description_says() {
    let row = row();
    assert_eq!(value(&row, "user:rating_count"), Some(Value::Count(3)));
    assert_eq!(value(&row, "user:rating_mean"), Some(Value::Number(4.0)));
    assert_eq!(value(&row, "user:rating_count_7d"), Some(Value::Count(2)));
    assert_eq!(value(&row, "user:rating_mean_30d"), Some(Value::Number(3.5)));
    assert_eq!(value(&row, "user:rating_spread_7d"), Some(Value::Number(0.5)));
    assert_eq!(value(&row, "user:last_event_at"), Some(Value::Time(Timestamp::from_seconds(41 * 86_400))));
    assert_eq!(value(&row, "user:history_movies"), Some(Value::Texts(vec!["b".to_owned(), "c".to_owned()])));
    assert_eq!(value(&row, "user:genres"), Some(Value::Texts(vec!["Comedy".to_owned(), "Drama".to_owned()])));
    assert_eq!(value(&row, "user:genre_counts"), Some(Value::Counts(vec![1, 2])));
    let Some(Value::Numbers(affinities)) = value(&row, "user:genre_affinities") else { panic!("numbers") };
    assert!((affinities[0] + 1.0 / 6.0).abs() < 1e-12 && (affinities[1] - 0.5 * 2.0 / 7.0).abs() < 1e-12);
}

#[test]
fn features_without_ratings_have_no_value() {
    let nobody = UserRow::default();
    assert_eq!(value(&nobody, "user:rating_count"), Some(Value::Count(0)));
    assert_eq!(value(&nobody, "user:rating_mean"), None);
    assert_eq!(value(&nobody, "user:last_event_at"), None);
    assert_eq!(value(&nobody, "user:genres"), Some(Value::Texts(Vec::new())));
}

#[test]
fn names_find_features_and_other_names_are_refused() {
    let definition = Definition::new(&[7], 10);
    for view in View::ALL {
        for column in definition.all(view) {
            assert_eq!(definition.find(&definition.name(column)), Ok(column));
        }
    }
    for unknown in ["rating_mean", "user:", "user:rating_mean_8d", "movie:genres", "who:rating_mean"] {
        let error = definition.find(unknown).expect_err(unknown).to_string();
        assert!(error.contains(unknown), "{error}");
    }
}

#[test]
fn a_summary_gives_the_values_of_the_whole_row_except_the_history() {
    let (row, definition) = (row(), Definition::new(&[7], 10));
    let columns: Vec<Column> =
        definition.all(View::User).into_iter().filter(|&column| !definition.need_history(&[column])).collect();
    let as_of = Timestamp::from_seconds(42 * 86_400);
    assert_eq!(definition.of_summary(&columns, row.summary(), as_of), definition.of_user(&columns, &row, as_of));
}

fn by_name(values: &[Option<Value>], moments: &[Moments]) {
    let expected = moments
        .iter()
        .flat_map(|&moments| [Some(Value::Count(moments.count())), Value::mean(moments), Value::spread(moments)]);
    assert_eq!(values, expected.collect::<Vec<_>>());
}

#[test]
fn statistics_are_the_features_by_name() {
    let (row, definition) = (row(), Definition::new(&[7, 30], 10));
    let as_of = Timestamp::from_seconds(42 * 86_400);
    let statistics = definition.user_statistics(row.summary(), as_of);
    assert_eq!(statistics.windows.iter().map(|&(days, _)| days).collect::<Vec<_>>(), [7, 30]);
    let windows = statistics.windows.iter().map(|&(_, moments)| moments);
    let moments: Vec<Moments> = std::iter::once(statistics.all_time).chain(windows).collect();
    let columns = definition.all(View::User);
    by_name(&definition.of_user(&columns, &row, as_of)[..9], &moments);
    let (names, by_genre): (Vec<_>, Vec<_>) = statistics.genres.into_iter().unzip();
    assert_eq!(names, ["Comedy", "Drama"]);
    let counts = Value::Counts(by_genre.iter().map(Moments::count).collect());
    assert_eq!(value(&row, "user:genre_counts"), Some(counts));

    let mut parts = [MovieRow::default(), MovieRow::default()];
    for (part, (value, day)) in [(0, (5.0, 1)), (1, (3.0, 40)), (0, (4.0, 41))] {
        let at = Timestamp::from_seconds(day * 86_400);
        parts[part].moments = parts[part].moments.merged(Moments::of(value));
        parts[part].tiles.add(at, value);
        parts[part].event_time = Some(at);
    }
    let mut sums = Sums::default();
    parts.iter().for_each(|part| definition.add(part, as_of, &mut sums));
    let statistics = definition.movie_statistics(&sums);
    let windows = statistics.windows.iter().map(|&(_, moments)| moments);
    let of_movie: Vec<Moments> = std::iter::once(statistics.all_time).chain(windows).collect();
    assert_eq!(of_movie, moments);
    by_name(&definition.of_sums(&definition.all(View::Movie), &sums)[..9], &moments);
    assert_eq!(sums.event_time(), Some(Timestamp::from_seconds(41 * 86_400)));
}
