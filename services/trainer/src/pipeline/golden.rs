//! Records predictions into the package, which instances compute again when they load it.

use marquee_domain::{Movie, Scale};
use marquee_model::{Golden, GoldenCase, GoldenPrediction};
use marquee_posterior::Posterior;

/// How many ratings the histories have.
const LENGTHS: [usize; 4] = [0, 1, 10, 100];

/// How many movies are predicted for each history.
const PREDICTED: usize = 16;

/// The least tolerance, in stars. Single precision and other processors round by less.
const LEAST_TOLERANCE: f64 = 1e-4;

/// Predicts for made-up histories with the model itself, in double precision. `movies` are those of
/// the model, in the order of its indices. `parity` is how much the graphs may differ from the
/// model, in stars.
pub(super) fn record(posterior: &Posterior, movies: &[Movie], scale: Scale, parity: f64) -> Golden {
    let movies = &movies[..movies.len().min(posterior.movies)];
    let predicted = spread(movies.len(), PREDICTED);
    let case = |history: Vec<(usize, f64)>| {
        let state = posterior.state(&history);
        let prediction = |&movie: &usize| {
            let estimate = posterior.estimate(&state, movie);
            let (rating, spread) = (estimate.rating, estimate.spread);
            GoldenPrediction { movie: movies[movie].id.clone(), rating, spread }
        };
        let predictions = predicted.iter().map(prediction).collect();
        GoldenCase {
            history: history.into_iter().map(|(at, rating)| (movies[at].id.clone(), rating)).collect(),
            predictions,
        }
    };
    // On the machine of the training a graph may differ by `parity`, and elsewhere a little more.
    Golden { tolerance: (2.0 * parity).max(LEAST_TOLERANCE), cases: histories(movies.len(), scale).map(case).collect() }
}

/// Returns the made-up histories of a model with so many movies. The graphs are compared with the
/// model on them before they are published, so instances find nothing new.
pub(super) fn histories(movies: usize, scale: Scale) -> impl Iterator<Item = Vec<(usize, f64)>> {
    let level = move |at: usize| scale.min() + (at * 7 % scale.levels()) as f64 * scale.resolution();
    let rated = move |length: usize| spread(movies, length).into_iter().enumerate();
    LENGTHS.into_iter().map(move |length| rated(length).map(|(at, movie)| (movie, level(at))).collect())
}

/// Returns up to `count` different indices below `length`, evenly spread.
fn spread(length: usize, count: usize) -> Vec<usize> {
    let count = count.min(length);
    (0..count).map(|at| at * length / count).collect()
}

#[cfg(test)]
mod tests {
    use marquee_domain::MovieId;
    use marquee_posterior::Sample;

    use super::*;

    #[test]
    fn histories_of_several_lengths_are_predicted_as_the_model_does() {
        let sample = Sample {
            offset: 3.5,
            noise_precision: 1.0,
            prior_mean: vec![0.1; 3],
            prior_precision: vec![5.0; 3],
            movie_bias: (0..40).map(|at| f64::from(at) / 40.0).collect(),
            factors: vec![0.2; 80],
            ..Sample::default()
        };
        let posterior = Posterior { movies: 40, factors: 2, samples: vec![sample], ..Posterior::default() };
        let movie =
            |at: usize| Movie::try_new(MovieId::try_new(&format!("m{at}")).unwrap(), "A", None, vec![]).unwrap();
        let movies: Vec<Movie> = (0..40).map(movie).collect();
        let scale = Scale::try_new(0.5, 5.0, 0.5).unwrap();
        let golden = record(&posterior, &movies, scale, 1e-3);
        let lengths: Vec<usize> = golden.cases.iter().map(|case| case.history.len()).collect();
        assert_eq!((golden.tolerance, lengths), (2e-3, vec![0, 1, 10, 40]));
        let nobody = posterior.estimate(&posterior.state(&[]), 0);
        let first = &golden.cases[0].predictions[0];
        assert_eq!((first.rating, first.spread), (nobody.rating, nobody.spread));
        assert!(golden.cases[3].history.iter().all(|(_, rating)| (0.5..=5.0).contains(rating)));
        assert!(Golden::parse(&golden.to_bytes()).is_ok(), "instances can read it");
        assert!(spread(0, 10).is_empty() && record(&posterior, &movies[..1], scale, 0.0).tolerance > 0.0);
    }
}
