//! The posterior by Gibbs sampling: thinned samples of the chain after burn-in.

use marquee_posterior::{Posterior, Sample};

use super::chain::Chain;
use super::newcomers::coordinate;
use super::stopping::{Probes, Trace};
use super::watch::Watch;
use super::{FitError, FitParameters, Fitted, How, Observer, Ratings, Stop, report};
use crate::linear::Update;

/// A chain whose error would shrink by less than this share has sampled enough.
const LEAST_GAIN: f64 = 0.001;

/// The fewest sweeps after burn-in.
const FEWEST: usize = 24;

/// The burn-in of a chain that starts at the state of another one. It only has to forget where the
/// ratings differ.
const WARM: usize = 10;

/// Runs the chain and keeps `samples` of its states, evenly spread and including the last one.
///
/// With [`Stop::Early`], the chain is judged after an eighth, a quarter and a half of its sweeps
/// after burn-in, and at every such point its samples are evenly spread: going on drops every
/// second one.
pub(super) fn fit(
    ratings: &Ratings,
    parameters: &FitParameters,
    how: How<'_>,
    observer: &mut dyn Observer,
) -> Result<Fitted, FitError> {
    let mut chain = Chain::new(ratings, parameters, how.parts);
    let (mut burn_in, mut expected) = (parameters.burn_in, parameters.burn_in * 3 / 4);
    if let Some(start) = how.start {
        start.check(ratings.users(), ratings.movies(), parameters.factors, how.parts)?;
        chain.begin(start);
        (burn_in, expected) = (burn_in.min(WARM), 0);
    }
    let most = parameters.sweeps - parameters.burn_in;
    let mut kept = Kept::new(parameters.samples, most, how.stop);
    let probes = (kept.parts > 1).then(|| Probes::new(ratings, parameters.seed));
    let mut trace = Trace::default();
    let mut watch = Watch::new(how.watched);
    let total = burn_in + most;
    for sweep in 1..=total {
        chain.sweep(if sweep <= expected { Update::Expect } else { Update::Sample });
        if sweep > burn_in {
            kept.offer(sweep - burn_in, &chain);
            // In the last part nothing is judged any more.
            if let Some(probes) = probes.as_ref().filter(|_| kept.parts > 1) {
                trace.push(chain.predictions(probes));
            }
        }
        let mut figures = watch.after(&chain, sweep > burn_in);
        let mut is_enough = false;
        if sweep > burn_in && kept.is_whole() {
            // What the error would lose if the chain went on for ever, as a share of the noise.
            let gain = trace.squared_error() / (2.0 * chain.noise().powi(2));
            is_enough = gain <= LEAST_GAIN;
            figures.gain = Some(gain);
            if !is_enough {
                kept.thin();
            }
        }
        observer.measured(&figures);
        report(observer, if is_enough { total } else { sweep }, total)?;
        if is_enough {
            break;
        }
    }
    let (mut samples, prior_means): (Vec<_>, Vec<_>) = kept.samples.into_iter().unzip();
    center_unrated(&mut samples, &prior_means, ratings);
    let (movies, factors) = (ratings.movies(), chain.factors());
    let posterior = Posterior { movies, factors, samples, has_user_noise: how.parts.noise_weights };
    Ok(Fitted { posterior, end: Some(chain.state()) })
}

/// The samples so far.
struct Kept {
    wanted: usize,
    /// The sweeps of the whole chain after burn-in.
    most: usize,
    /// Into how many parts the sweeps are divided. The samples are spread over the first one.
    parts: usize,
    /// Each with what it expects of a movie that nobody has rated.
    samples: Vec<(Sample, Vec<f64>)>,
}

impl Kept {
    fn new(wanted: usize, most: usize, stop: Stop) -> Self {
        let mut parts = 1;
        while stop == Stop::Early && parts < 8 && most / (2 * parts) >= wanted.max(FEWEST) {
            parts *= 2;
        }
        Self { wanted, most, parts, samples: Vec::with_capacity(wanted) }
    }

    /// Keeps the state of the chain if this sweep after burn-in is due.
    fn offer(&mut self, sweep: usize, chain: &Chain<'_>) {
        if self.is_due(sweep, self.samples.len()) {
            self.samples.push((chain.sample(), chain.mean_of_unrated()));
        }
    }

    fn is_due(&self, sweep: usize, samples: usize) -> bool {
        sweep * self.wanted * self.parts / self.most > samples
    }

    /// Returns whether the chain may end here, before its last sweep.
    fn is_whole(&self) -> bool {
        self.parts > 1 && self.samples.len() == self.wanted
    }

    /// Goes on to twice as many sweeps, and drops every second sample.
    fn thin(&mut self) {
        self.parts /= 2;
        let mut is_even = true;
        self.samples.retain(|_| {
            is_even = !is_even;
            is_even
        });
    }
}

/// Shifts the samples of each movie without ratings so that their average is the mean of the
/// priors.
///
/// The average of a few samples is off by chance, and movies without ratings would be ranked by
/// that chance. The spread between the samples is the uncertainty, so it stays as it is.
fn center_unrated(samples: &mut [Sample], prior_means: &[Vec<f64>], ratings: &Ratings) {
    let count = samples.len() as f64;
    let Some(factors) = prior_means.first().map(|mean| mean.len() - 1) else { return };
    for movie in (0..ratings.movies()).filter(|&movie| ratings.by_movie().row(movie).0.is_empty()) {
        for i in 0..=factors {
            let drawn: f64 = samples.iter_mut().map(|sample| *coordinate(sample, movie, i)).sum();
            let due: f64 = prior_means.iter().map(|mean| mean[i]).sum();
            samples.iter_mut().for_each(|sample| *coordinate(sample, movie, i) += (due - drawn) / count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Algorithm, SweepFigures, Watched};
    use super::*;

    fn ratings() -> Ratings {
        let pairs = (0..60u32).flat_map(|user| (0..40u32).map(move |movie| (user, movie)));
        let rated = pairs.filter(|(user, movie)| (user * 7 + movie * 3) % 3 != 0);
        let rated =
            rated.map(|(user, movie)| (user, movie, f64::from((user * 5 + movie * 11 + user * movie) % 5) + 1.0));
        Ratings::try_new(60, 40, rated.collect()).unwrap()
    }

    #[derive(Default)]
    struct Sweeps(Vec<(usize, usize)>, Vec<SweepFigures>);

    impl Observer for Sweeps {
        fn measured(&mut self, figures: &SweepFigures) {
            assert_eq!(self.0.len(), self.1.len(), "the figures come before the progress");
            self.1.push(*figures);
        }

        fn progress(&mut self, done: usize, total: usize) {
            self.0.push((done, total));
        }

        fn canceled(&self) -> bool {
            false
        }
    }

    fn fitted(stop: Stop, sweeps: usize) -> (Fitted, Vec<(usize, usize)>) {
        let parameters = FitParameters {
            factors: 2,
            sweeps,
            burn_in: 10,
            samples: 12,
            ..FitParameters::default_of(Algorithm::Bayes)
        };
        let mut seen = Sweeps::default();
        let how = How { stop, ..How::default() };
        (fit(&ratings(), &parameters, how, &mut seen).unwrap(), seen.0)
    }

    #[test]
    fn a_chain_that_has_sampled_enough_ends_early_and_always_after_the_same_sweep() {
        let (all, sweeps) = fitted(Stop::AtLast, 40);
        assert_eq!((sweeps.len(), all.posterior.samples.len()), (40, 12));
        const SWEEPS: usize = 3_210;
        let (early, seen) = fitted(Stop::Early, SWEEPS);
        assert!((410..SWEEPS).contains(&seen.len()), "{}", seen.len());
        assert_eq!(seen.last(), Some(&(SWEEPS, SWEEPS)), "the last progress is that of a whole fit");
        assert_eq!(early.posterior.samples.len(), 12);
        assert_eq!(fitted(Stop::Early, SWEEPS), (early, seen));
    }

    #[test]
    fn a_watched_fit_is_the_same_fit_and_tells_its_error_and_where_it_was_judged() {
        let parameters = FitParameters {
            factors: 2,
            sweeps: 410,
            burn_in: 10,
            samples: 12,
            ..FitParameters::default_of(Algorithm::Bayes)
        };
        let held_out = (0..40u32).filter(|movie| movie % 3 == 0).map(|movie| Watched {
            user: (movie % 2 == 0).then_some(0),
            movie,
            rating: f64::from(movie * 11 % 5) + 1.0,
        });
        let watched: Vec<_> = held_out.collect();
        let fitted = |watched: &[Watched]| {
            let mut seen = Sweeps::default();
            let fitted = fit(&ratings(), &parameters, How { watched, ..How::default() }, &mut seen).unwrap();
            (fitted, seen.1)
        };
        let ((plain, unseen), (seen_fit, figures)) = (fitted(&[]), fitted(&watched));
        assert_eq!(plain, seen_fit);
        assert_eq!(unseen.len(), figures.len());
        assert!(unseen.iter().all(|figures| figures.held_out.is_none() && figures.noise > 0.0));
        // The average of all samples is nearly what the posterior predicts.
        let last = figures.last().unwrap().held_out.unwrap();
        let ratings = ratings();
        let (movies, values) = ratings.by_user().row(0);
        let history: Vec<_> =
            movies.iter().zip(values).map(|(&movie, &value)| (movie as usize, f64::from(value))).collect();
        let square = |one: &Watched| {
            let state = plain.posterior.state(if one.user.is_some() { &history } else { &[] });
            (plain.posterior.estimate(&state, one.movie as usize).rating - one.rating).powi(2)
        };
        let direct: f64 = watched.iter().map(square).sum();
        let direct = (direct / watched.len() as f64).sqrt();
        assert!((last / direct - 1.0).abs() < 0.1, "{last} {direct}");
        let judged: Vec<usize> =
            (1..).zip(&figures).filter(|(_, one)| one.gain.is_some()).map(|(sweep, _)| sweep).collect();
        assert_eq!(judged.first(), Some(&60), "after an eighth of the sweeps after burn-in");
        let enough = |at: usize| figures[at - 1].gain.unwrap() <= LEAST_GAIN;
        assert!(judged.iter().rev().skip(1).all(|at| !enough(*at)));
        assert_eq!(enough(*judged.last().unwrap()), figures.len() < 410);
    }

    #[test]
    fn samples_stay_evenly_spread_when_a_chain_goes_on() {
        // The sweeps of the kept samples, if the chain ends in each part.
        let spread = |wanted: usize, most: usize| -> Vec<Vec<usize>> {
            let mut kept = Kept::new(wanted, most, Stop::Early);
            let (mut sweeps, mut ends) = (Vec::new(), Vec::new());
            for sweep in 1..=most {
                if kept.is_due(sweep, sweeps.len()) {
                    sweeps.push(sweep);
                }
                if kept.parts > 1 && sweeps.len() == wanted {
                    ends.push(sweeps.clone());
                    kept.parts /= 2;
                    sweeps = sweeps.iter().skip(1).step_by(2).copied().collect();
                }
            }
            ends.push(sweeps);
            ends
        };
        let ends = spread(48, 200);
        assert_eq!(ends.iter().map(|sweeps| *sweeps.last().unwrap()).collect::<Vec<_>>(), [50, 100, 200]);
        for sweeps in ends {
            assert_eq!(sweeps.len(), 48);
            let steps: Vec<usize> = sweeps.windows(2).map(|pair| pair[1] - pair[0]).collect();
            assert!(steps.iter().max().unwrap() - steps.iter().min().unwrap() <= 1, "{steps:?}");
        }
        assert_eq!(spread(10, 15).len(), 1, "too few sweeps to end early");
    }
}
