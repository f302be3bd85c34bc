//! The samplers and pruners against random search, over many seeds. Prints the figures of Optuna
//! 5.0.0 on the same problems beside them (`cargo test --test acceptance -- --nocapture`).

use marquee_tune::{Hyperband, Median, Pruner, Sampler, Settings, Space, State, Stop, Study, Tpe, Trial, Value};

const SEEDS: u64 = 40;
const TRIALS: usize = 60;

/// The seeds that are compared with Optuna. About one study in ten of the problem with a choice
/// stays at a wrong one, so its 90th percentile is at a cliff: of 40 seeds, Optuna's own is between
/// 0.13 and 1.01.
const COMPARED: u64 = 200;

/// A problem: its space, its objective, and what Optuna 5.0.0 reaches with 60 trials of its random
/// sampler and of `TPESampler(multivariate=True, constant_liar=True)`, as median and 90th
/// percentile over the seeds 0 to 199.
struct Problem {
    name: &'static str,
    space: String,
    objective: fn(&Trial<'_>) -> f64,
    optuna_random: (f64, f64),
    optuna_tpe: (f64, f64),
}

fn number(trial: &Trial<'_>, name: &str) -> f64 {
    trial.value(name).and_then(Value::as_f64).expect("a number")
}

/// Branin's function, with the minimum 0.398.
fn branin(trial: &Trial<'_>) -> f64 {
    let pi = std::f64::consts::PI;
    let (x, y) = (number(trial, "x"), number(trial, "y"));
    let valley = y - 5.1 / (4.0 * pi * pi) * x * x + 5.0 / pi * x - 6.0;
    valley * valley + 10.0 * (1.0 - 1.0 / (8.0 * pi)) * x.cos() + 10.0
}

/// Hartmann's function of six variables, with the minimum −3.322.
fn hartmann(trial: &Trial<'_>) -> f64 {
    const WEIGHTS: [f64; 4] = [1.0, 1.2, 3.0, 3.2];
    const SCALES: [[f64; 6]; 4] = [
        [10.0, 3.0, 17.0, 3.5, 1.7, 8.0],
        [0.05, 10.0, 17.0, 0.1, 8.0, 14.0],
        [3.0, 3.5, 1.7, 10.0, 17.0, 8.0],
        [17.0, 8.0, 0.05, 10.0, 0.1, 14.0],
    ];
    const PEAKS: [[f64; 6]; 4] = [
        [1312.0, 1696.0, 5569.0, 124.0, 8283.0, 5886.0],
        [2329.0, 4135.0, 8307.0, 3736.0, 1004.0, 9991.0],
        [2348.0, 1451.0, 3522.0, 2883.0, 3047.0, 6650.0],
        [4047.0, 8828.0, 8732.0, 5743.0, 1091.0, 381.0],
    ];
    let x: Vec<f64> = (0..6).map(|i| number(trial, &format!("x{i}"))).collect();
    let peak = |((weight, scales), peaks): ((&f64, &[f64; 6]), &[f64; 6])| {
        let distance = |((x, scale), peak): ((&f64, &f64), &f64)| scale * (x - peak * 1e-4).powi(2);
        weight * (-x.iter().zip(scales).zip(peaks).map(distance).sum::<f64>()).exp()
    };
    -WEIGHTS.iter().zip(&SCALES).zip(&PEAKS).map(peak).sum::<f64>()
}

/// Four kinds of parameters: a logarithm, a step, a whole logarithm and a choice. The minimum is 0.
fn mixed(trial: &Trial<'_>) -> f64 {
    let kind = trial.value("kind").and_then(Value::as_text).expect("a text");
    let rate = (number(trial, "lr").log10() + 2.0).powi(2);
    let factors = ((number(trial, "k") - 32.0) / 16.0).powi(2);
    let count = (number(trial, "n").log2() - 5.0).powi(2) / 4.0;
    rate + factors + count + ["b", "a", "c"].iter().position(|of| *of == kind).expect("a kind") as f64
}

fn problems() -> [Problem; 3] {
    let unit = |i| format!("[parameters.x{i}]\ntype='float'\nlow=0\nhigh=1\n");
    let mixed_space = "
        [parameters.lr]\ntype='float'\nlow=1e-5\nhigh=1\nlog=true
        [parameters.k]\ntype='int'\nlow=4\nhigh=64\nstep=4
        [parameters.n]\ntype='int'\nlow=1\nhigh=512\nlog=true
        [parameters.kind]\ntype='choice'\nchoices=['a','b','c']";
    [
        Problem {
            name: "Branin",
            space: "[parameters.x]\ntype='float'\nlow=-5\nhigh=10\n[parameters.y]\ntype='float'\nlow=0\nhigh=15".into(),
            objective: branin,
            optuna_random: (1.078, 2.547),
            optuna_tpe: (0.531, 0.842),
        },
        Problem {
            name: "Hartmann 6",
            space: (0..6).map(unit).collect(),
            objective: hartmann,
            optuna_random: (-1.835, -1.269),
            optuna_tpe: (-3.029, -2.528),
        },
        Problem {
            name: "mixed",
            space: mixed_space.to_owned(),
            objective: mixed,
            optuna_random: (0.940, 1.547),
            optuna_tpe: (0.067, 0.221),
        },
    ]
}

fn study(problem: &Problem, sampler: Sampler, seed: u64) -> Study {
    let space = Space::parse(&problem.space).expect("a space");
    Study::in_memory(space, Settings { sampler, seed, ..Settings::default() })
}

/// Returns the median and the 90th percentile.
fn figures(mut values: Vec<f64>) -> (f64, f64) {
    values.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let place = share * (values.len() - 1) as f64;
        let low = values[place as usize];
        low + place.fract() * (values[(place.ceil()) as usize] - low)
    };
    (at(0.5), at(0.9))
}

/// Returns the best values of 60 trials over some seeds. `workers` trials run at the same time.
fn best(problem: &Problem, sampler: &Sampler, workers: usize, seeds: u64) -> (f64, f64) {
    let of_seed = |seed| {
        let study = study(problem, sampler.clone(), seed);
        for _ in 0..TRIALS / workers {
            let batch: Vec<Trial<'_>> = (0..workers).map(|_| study.ask().expect("a trial")).collect();
            for trial in batch {
                let value = (problem.objective)(&trial);
                trial.end(Ok(value)).expect("in memory");
            }
        }
        study.best().and_then(|best| best.value).expect("complete trials")
    };
    let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get() as u64);
    let part = |from: u64| (from..seeds).step_by(threads as usize).map(of_seed).collect::<Vec<f64>>();
    let values = std::thread::scope(|scope| {
        let part = &part;
        let parts: Vec<_> = (0..threads).map(|from| scope.spawn(move || part(from))).collect();
        parts.into_iter().flat_map(|part| part.join().expect("no panic")).collect()
    });
    figures(values)
}

#[test]
fn tpe_is_as_good_as_optunas_and_far_better_than_random_search() {
    println!("best of {TRIALS} trials, {COMPARED} seeds, median / 90th percentile; lower is better");
    for problem in problems() {
        let random = best(&problem, &Sampler::Random, 1, COMPARED);
        let tpe = best(&problem, &Sampler::default(), 1, COMPARED);
        let parallel = best(&problem, &Sampler::default(), 6, SEEDS);
        let shown = |(median, high): (f64, f64)| format!("{median:7.3} / {high:7.3}");
        println!(
            "{:10}  random {} (Optuna {})  TPE {} (Optuna {})  6 at a time {}",
            problem.name,
            shown(random),
            shown(problem.optuna_random),
            shown(tpe),
            shown(problem.optuna_tpe),
            shown(parallel)
        );
        // A small part of the distance between Optuna's TPE and random search is noise of seeds.
        let most = |tpe: f64, random: f64| tpe + 0.03 * (random - tpe);
        let median = most(problem.optuna_tpe.0, problem.optuna_random.0);
        let high = most(problem.optuna_tpe.1, problem.optuna_random.1);
        assert!(tpe.0 <= median && tpe.1 <= high, "{}: {tpe:?} is not {median} / {high}", problem.name);
        assert!(tpe.0 < random.0 && tpe.1 < random.0, "{}: {tpe:?} against {random:?}", problem.name);
        assert!(parallel.0 < random.0 && parallel.1 < random.1, "{}: {parallel:?} against {random:?}", problem.name);
    }
}

/// The error after a step of 27, as of a model that learns: slower with a small rate, with the best
/// final value 0.85.
fn learning_curve(trial: &Trial<'_>, step: u64) -> f64 {
    let (rate, reg) = (number(trial, "lr").log10() + 1.5, number(trial, "reg").log10() + 2.0);
    let factors = number(trial, "k").log2() - 5.0;
    let last = 0.85 + 0.03 * rate * rate + 0.02 * reg * reg + 0.01 * factors * factors;
    last + 0.25 * (-(step as f64) / (4.0 * 10.0_f64.powf(-0.3 * rate))).exp()
}

const CURVES: &str = "
    [parameters.lr]\ntype='float'\nlow=1e-4\nhigh=1\nlog=true
    [parameters.reg]\ntype='float'\nlow=1e-4\nhigh=1\nlog=true
    [parameters.k]\ntype='int'\nlow=2\nhigh=128\nlog=true";

/// Returns the best final value once a study has spent this many steps, and its number of trials.
fn within(budget: u64, sampler: &Sampler, pruner: &Pruner, seed: u64) -> (f64, f64) {
    let settings = Settings { sampler: sampler.clone(), pruner: pruner.clone(), seed, ..Settings::default() };
    let study = Study::in_memory(Space::parse(CURVES).expect("a space"), settings);
    let spent = std::sync::atomic::AtomicU64::new(0);
    let objective = |trial: &mut Trial<'_>| {
        for step in 1..=27 {
            if spent.fetch_add(1, std::sync::atomic::Ordering::Relaxed) >= budget {
                return Err(Stop::Cancel);
            }
            trial.report(step, learning_curve(trial, step))?;
        }
        Ok(learning_curve(trial, 27))
    };
    study.optimize(usize::MAX, 1, objective, |_| ()).expect("in memory");
    let best = study.best().and_then(|best| best.value).expect("complete trials");
    let tried = study.trials().iter().filter(|trial| trial.state != State::Failed).count();
    (best, tried as f64)
}

#[test]
fn pruners_try_more_values_and_end_better_for_the_same_steps() {
    let hyperband = Pruner::Hyperband(Hyperband { max_resource: 27, ..Hyperband::default() });
    let pruners = [("none", Pruner::Never), ("median", Pruner::Median(Median::default())), ("hyperband", hyperband)];
    // Its medians over 40 seeds, with `HyperbandPruner(1, 27, 3)`.
    let optuna = [("random", [0.8659, 0.8583, 0.8597]), ("TPE", [0.8567, 0.8531, 0.8532])];
    println!("best of 540 steps (20 whole trials), {SEEDS} seeds, median of values and of trials");
    for (sampler, (name, optuna)) in [Sampler::Random, Sampler::Tpe(Tpe::default())].iter().zip(optuna) {
        let mut found = Vec::new();
        for ((pruner_name, pruner), optuna) in pruners.iter().zip(optuna) {
            let all: Vec<(f64, f64)> = (0..SEEDS).map(|seed| within(540, sampler, pruner, seed)).collect();
            let value = figures(all.iter().map(|(value, _)| *value).collect()).0;
            let trials = figures(all.iter().map(|(_, trials)| *trials).collect()).0;
            println!("{name:6}  {pruner_name:9}  {value:.4} (Optuna {optuna:.4})  {trials} trials");
            found.push((value, trials));
        }
        let (without, trials) = found[0];
        for (value, more_trials) in &found[1..] {
            assert!(*more_trials > 1.5 * trials, "{name}: {found:?}");
            assert!(*value < without, "{name}: {found:?}");
        }
    }
}
