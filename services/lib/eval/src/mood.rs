//! The prequential evaluation of a model whose users have moods ([`marquee_posterior::Mood`]). It
//! is an arm of its own: serving has no moods.

use marquee_domain::{MovieId, Rating, Timestamp};
use marquee_fit::MovieIndex;
use marquee_posterior::{Mood, MoodState, Posterior};

use crate::prequential::{by_user, collect, is_usable};
use crate::tables::{Step, Tables};
use crate::{Method, Normal, Options, Outcome, Outcomes};

/// Does the same as [`crate::prequential()`] with moods. It uses all ratings of a user,
/// [`crate::History`] notwithstanding, and leaves out the ratings of movies outside the model.
///
/// The work grows with the samples and with the values of the mood's variance. The call blocks;
/// callers run it off the async threads.
pub fn prequential_with_mood(
    posterior: &Posterior,
    index: &MovieIndex,
    past: &[Rating],
    future: &[Rating],
    options: &Options<'_>,
    mood: &Mood,
) -> Outcomes {
    let tables = Tables::new(past, future);
    let model = |id: &MovieId| index.get(id).map(|movie| movie as usize).filter(|&movie| movie < posterior.movies);
    let models: Vec<Option<usize>> = tables.movies().iter().map(|id| model(id)).collect();
    let usable = |rating: &&Rating| is_usable(rating, options.scale) && model(&rating.movie).is_some();
    let mut counts = vec![0; models.len()];
    let past = past.iter().filter(usable);
    for movie in past.clone().filter_map(|rating| tables.movie(&rating.movie)) {
        counts[movie as usize] += 1;
    }
    let history = tables.steps(past);
    let steps = tables.steps(future.iter().filter(usable));
    let arm = Arm { posterior, options, mood, models: &models, counts: &counts, history: &history };
    let list = by_user(&steps, |steps, outcomes| arm.user(steps, outcomes));
    let left_out = (future.len() - list.len()) as u64;
    collect(&tables, list, left_out, Method::Prequential)
}

struct Arm<'a> {
    posterior: &'a Posterior,
    options: &'a Options<'a>,
    mood: &'a Mood,
    models: &'a [Option<usize>],
    /// The number of ratings in the past, by the number of the movie.
    counts: &'a [u32],
    /// The ratings of the past, by user, then by time.
    history: &'a [Step],
}

impl Arm<'_> {
    fn user(&self, steps: &[Step], outcomes: &mut Vec<Outcome>) {
        let Some(first) = steps.first() else { return };
        let from = self.history.partition_point(|step| step.user < first.user);
        let until = self.history.partition_point(|step| step.user <= first.user);
        let past = &self.history[from..until];
        let mut state = self.posterior.mood_state(self.mood);
        past.iter().for_each(|step| self.learn(&mut state, step));
        let frozen = state.clone();
        let guess = |state: &MoodState, step: &Step| {
            let movie = self.models.get(step.movie as usize).copied().flatten().unwrap_or(usize::MAX);
            state.estimate(self.posterior, movie, seconds(step.at))
        };
        let clip = |rating: f64| self.options.scale.clip(rating);
        let mut history = past.len() as u32;
        for instant in steps.chunk_by(|a, b| a.at == b.at) {
            let together: Vec<_> = instant.iter().map(|step| guess(&state, step)).collect();
            for (place, (step, strict)) in instant.iter().zip(together).enumerate() {
                // Before the first rating of an instant is learned, both are the same.
                let one_by_one = if place == 0 { strict } else { guess(&state, step) };
                outcomes.push(Outcome {
                    user: step.user,
                    movie: step.movie,
                    user_past: past.len() as u32,
                    movie_past: self.counts.get(step.movie as usize).copied().unwrap_or(0),
                    history,
                    at: step.at,
                    rating: step.value,
                    predicted: clip(strict.rating),
                    one_by_one: clip(one_by_one.rating),
                    frozen: clip(guess(&frozen, step).rating),
                    normal: Some(Normal { mean: strict.rating, spread: strict.spread }),
                });
                self.learn(&mut state, step);
            }
            history += instant.len() as u32;
        }
    }

    fn learn(&self, state: &mut MoodState, step: &Step) {
        if let Some(movie) = self.models.get(step.movie as usize).copied().flatten() {
            state.learn(self.posterior, (movie, step.value), seconds(step.at));
        }
    }
}

fn seconds(at: Timestamp) -> f64 {
    at.micros() as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use marquee_domain::Scale;

    use super::*;
    use crate::prequential;
    use crate::testing::{biases, index, rating};

    fn options() -> Options<'static> {
        Options::new(Scale::try_new(1.0, 5.0, 1.0).unwrap())
    }

    #[test]
    fn without_moods_the_arm_is_the_evaluation_of_the_model() {
        let past = [rating("a", "x", 5.0, 1), rating("a", "y", 4.0, 2), rating("b", "x", 1.0, 1)];
        let future = [
            rating("a", "z", 3.0, 9),
            rating("b", "y", 2.0, 9),
            rating("b", "z", 1.0, 9),
            rating("b", "v", 1.0, 11),
            rating("c", "x", 5.0, 12),
        ];
        let index = index(&["v", "x", "y", "z"]);
        let posterior = biases(4, 0.3);
        let none = Mood { variances: vec![0.0], seconds: 600.0 };
        let arm = prequential_with_mood(&posterior, &index, &past, &future, &options(), &none);
        let plain = prequential(&posterior, &index, &past, &future, &options());
        assert_eq!(arm.list().len(), plain.list().len());
        for (ours, exact) in arm.list().iter().zip(plain.list()) {
            let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-9, "{ours:?} {exact:?}");
            near(ours.predicted, exact.predicted);
            near(ours.one_by_one, exact.one_by_one);
            near(ours.frozen, exact.frozen);
            near(ours.normal.unwrap().spread, exact.normal.unwrap().spread);
            let counts = |one: &Outcome| (one.user, one.movie, one.user_past, one.movie_past, one.history, one.at);
            assert_eq!(counts(ours), counts(exact));
        }
    }

    #[test]
    fn a_sitting_in_a_good_mood_is_predicted_better_with_moods() {
        let mut future = Vec::new();
        for sitting in 0..20 {
            for place in 0..6 {
                let value = if sitting % 2 == 0 { 5.0 } else { 2.0 };
                future.push(rating("a", &format!("m{sitting}-{place}"), value, sitting * 100_000 + place));
            }
        }
        let movies: Vec<String> = future.iter().map(|one| one.movie.to_string()).collect();
        let index = index(&movies.iter().map(String::as_str).collect::<Vec<_>>());
        let posterior = biases(movies.len(), 0.0);
        let error = |outcomes: Outcomes| outcomes.evaluation(&options()).rmse;
        let plain = error(prequential(&posterior, &index, &[], &future, &options()));
        let mood = Mood { variances: vec![1.0], seconds: 600.0 };
        let with = error(prequential_with_mood(&posterior, &index, &[], &future, &options(), &mood));
        assert!(with < 0.7 * plain, "{with} {plain}");
    }
}
