//! Tests of studies.

use std::sync::atomic::AtomicUsize;

use tempfile::TempDir;

use super::*;
use crate::pruner::Median;
use crate::value::Value;

fn space() -> Space {
    let text = "[parameters.x]\ntype='float'\nlow=-5\nhigh=5\n[parameters.n]\ntype='int'\nlow=1\nhigh=64\nlog=true";
    Space::parse(text).expect("a space")
}

fn square(trial: &mut Trial<'_>) -> Result<f64, Stop> {
    let x = trial.value("x").and_then(Value::as_f64).expect("x");
    let n = trial.value("n").and_then(Value::as_f64).expect("n");
    Ok((x - 1.0 / 3.0).powi(2) + (n.log2() - 3.0).powi(2))
}

fn settings() -> Settings {
    let context = BTreeMap::from([("data".to_owned(), "abc".to_owned())]);
    Settings { seed: 4, context, ..Settings::default() }
}

fn place() -> (TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("study.jsonl");
    (folder, path)
}

fn open(path: &Path) -> Study {
    Study::open(path, space(), settings()).expect("a study")
}

fn run(study: &Study, trials: usize) {
    study.optimize(trials, 1, square, |_| ()).expect("no error");
}

#[test]
fn a_resumed_study_goes_on_as_if_it_had_not_been_interrupted() {
    let (_folder, path) = place();
    let whole = Study::in_memory(space(), settings());
    run(&whole, 40);
    for trials in [7, 7, 25, 40] {
        run(&open(&path), trials);
    }
    let resumed = open(&path);
    assert_eq!(resumed.trials(), whole.trials());
    assert_eq!(resumed.best(), whole.best());
    assert!(whole.best().and_then(|best| best.value) < Some(0.5), "{:?}", whole.best());
    let other = Study::in_memory(space(), Settings { seed: 5, ..settings() });
    run(&other, 40);
    assert_ne!(other.trials(), whole.trials());
}

#[test]
fn a_trial_whose_process_died_is_failed_and_does_not_count() {
    let (_folder, path) = place();
    let study = open(&path);
    run(&study, 2);
    // The process ends without destructors.
    std::mem::forget(study.ask().expect("a trial"));
    drop(study);
    let resumed = open(&path);
    let died = &resumed.trials()[2];
    assert!((died.state, died.interrupted) == (State::Failed, true), "{died:?}");
    assert!(died.reason.as_deref().is_some_and(|reason| reason.contains("process ended")), "{died:?}");
    run(&resumed, 3);
    assert_eq!(resumed.trials().len(), 4);
    drop(resumed);
    assert_eq!(open(&path).trials().len(), 4, "it is marked once");
}

#[test]
fn a_torn_last_line_is_removed() {
    let (_folder, path) = place();
    run(&open(&path), 5);
    let whole = std::fs::read(&path).expect("a file");
    let before = open(&path).trials();
    let last = whole[..whole.len() - 1].iter().rposition(|byte| *byte == b'\n').expect("lines") + 1;
    for length in [last + 1, (last + whole.len()) / 2, whole.len() - 2] {
        std::fs::write(&path, &whole[..length]).expect("written");
        let study = open(&path);
        assert_eq!(study.trials()[..4], before[..4]);
        assert!(study.trials()[4].interrupted, "the end of the last trial was torn");
        run(&study, 6);
        drop(study);
        assert!(open(&path).trials().len() == 7, "the lines after the torn one can be read");
    }
    // The line is complete, and only its end is missing.
    std::fs::write(&path, &whole[..whole.len() - 1]).expect("written");
    run(&open(&path), 6);
    assert_eq!(open(&path).trials()[..5], before[..]);
    // The header is torn.
    std::fs::write(&path, &whole[..20]).expect("written");
    assert!(open(&path).trials().is_empty());
}

#[test]
fn unknown_fields_and_events_stay_in_the_file() {
    let (_folder, path) = place();
    run(&open(&path), 2);
    let text = std::fs::read_to_string(&path).expect("a file");
    let text = text.replacen("\"state\":", "\"machine\":\"m1\",\"state\":", 1).replacen("{\"m", "{\"later\":7,\"m", 1);
    let text = format!("{text}{{\"trial\":1,\"event\":\"note\",\"text\":\"hi\"}}\n");
    std::fs::write(&path, &text).expect("written");
    let study = open(&path);
    assert_eq!(study.trials()[0].extra["machine"], "m1");
    run(&study, 3);
    assert!(std::fs::read_to_string(&path).expect("a file").starts_with(&text));
}

#[test]
fn a_file_of_something_else_is_a_clear_error_and_is_not_changed() {
    let (_folder, path) = place();
    run(&open(&path), 1);
    let text = std::fs::read_to_string(&path).expect("a file");
    let wider = "[parameters.x]\ntype='float'\nlow=-5\nhigh=6\n[parameters.n]\ntype='int'\nlow=1\nhigh=64\nlog=true";
    let other_data = Settings { context: BTreeMap::from([("data".to_owned(), "xyz".to_owned())]), ..settings() };
    let maximize = Settings { direction: Direction::Maximize, ..settings() };
    let start = text.find("{\"trial\"").expect("an event");
    let damaged = format!("{}oops\n{}", &text[..start], &text[start..]);
    for (file, space, settings, words) in [
        (text.replacen(":1,", ":2,", 1), space(), settings(), &["version 2", "reads 1"][..]),
        (text.clone(), Space::parse(wider).expect("a space"), settings(), &["in x (", "from -5 to 5; now", "to 6"]),
        (text.clone(), space(), other_data, &["data abc", "now it is xyz"]),
        (text.clone(), space(), Settings { context: BTreeMap::new(), ..settings() }, &["data abc", "absent"]),
        (text.clone(), space(), maximize, &["direction minimize", "maximize"]),
        (damaged, space(), settings(), &["line 2", "cut the file"]),
        ("user,item,rating\n".to_owned(), space(), settings(), &["is not a study file"]),
    ] {
        std::fs::write(&path, &file).expect("written");
        let error = Study::open(&path, space, settings).expect_err("an error").to_string();
        assert!(words.iter().all(|word| error.contains(word)), "{words:?} are not in {error}");
        assert_eq!(std::fs::read_to_string(&path).expect("a file"), file);
    }
    std::fs::write(&path, &text).expect("written");
    let first = open(&path);
    let error = Study::open(&path, space(), settings()).expect_err("in use").to_string();
    assert!(error.contains("another process"), "{error}");
    drop(first);
    let error = Study::open(Path::new("/nowhere/study.jsonl"), space(), settings()).expect_err("no folder");
    assert!(matches!(error, StudyError::Read { .. }), "{error}");
}

#[test]
fn workers_share_the_trials() {
    let (_folder, path) = place();
    let study = open(&path);
    let (running, ended) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let both = std::sync::Barrier::new(2);
    let objective = |trial: &mut Trial<'_>| {
        running.fetch_add(1, Ordering::SeqCst);
        // The trials of two workers are running at the same time.
        both.wait();
        square(trial)
    };
    study.optimize(40, 2, objective, |_| _ = ended.fetch_add(1, Ordering::SeqCst)).expect("no error");
    assert_eq!((running.into_inner(), ended.into_inner()), (40, 40));
    let trials = study.trials();
    assert!(trials.iter().all(|trial| trial.state == State::Complete));
    assert_eq!(trials.iter().map(|trial| trial.number).collect::<Vec<_>>(), (0..40).collect::<Vec<_>>());
    drop(study);
    assert_eq!(open(&path).trials(), trials, "the events of two trials may interleave");
}

#[test]
fn each_result_has_its_state() {
    let study = Study::in_memory(space(), Settings { pruner: Pruner::Median(Median::default()), ..settings() });
    let objective = |trial: &mut Trial<'_>| match trial.number() {
        0..6 => {
            trial.report(1, 1.0)?;
            Ok(2.0)
        }
        6 => {
            trial.report(1, 9.0)?;
            panic!("a pruned trial goes on")
        }
        7 => Ok(f64::NAN),
        8 => Err(Stop::Fail("no ratings".to_owned())),
        9 => {
            trial.report(1, f64::INFINITY)?;
            Ok(0.0)
        }
        _ => Err(Stop::Cancel),
    };
    study.optimize(100, 1, objective, |_| ()).expect("no error");
    let trials = study.trials();
    let states: Vec<State> = trials[5..].iter().map(|trial| trial.state).collect();
    use State::{Complete, Failed, Pruned};
    assert_eq!(states, [Complete, Pruned, Failed, Failed, Pruned, Failed], "a canceled trial is the last one");
    let reasons: Vec<&str> = trials[7..].iter().filter_map(|trial| trial.reason.as_deref()).collect();
    assert_eq!(reasons, ["the objective is NaN, not a finite number", "no ratings", "canceled"]);
    assert_eq!(study.best().map(|best| best.number), Some(0), "the first of equal ones");
}

#[test]
fn a_panic_of_an_objective_leaves_a_failed_trial() {
    let study = Study::in_memory(space(), settings());
    let run = std::panic::AssertUnwindSafe(|| study.optimize(3, 1, |_| panic!("oops"), |_| ()));
    assert!(std::panic::catch_unwind(run).is_err());
    let trials = study.trials();
    assert!(trials.len() == 1 && trials[0].state == State::Failed && trials[0].interrupted, "{trials:?}");
}

#[test]
fn queued_values_come_first_and_once() {
    let (_folder, path) = place();
    let default = Values::from([("x".to_owned(), Value::Float(0.0)), ("n".to_owned(), Value::Int(8))]);
    for trials in [2, 4] {
        let study = open(&path);
        study.enqueue(default.clone()).expect("in the space");
        run(&study, trials);
        let has = study.trials().iter().filter(|trial| trial.values == default).count();
        assert_eq!((has, &study.trials()[0].values), (1, &default));
        assert_eq!(study.value_of(&default), study.trials()[0].value);
    }
    let wrong = Values::from([("x".to_owned(), Value::Float(9.0)), ("n".to_owned(), Value::Int(8))]);
    let error = open(&path).enqueue(wrong).expect_err("outside");
    assert!(std::error::Error::source(&error).is_some_and(|source| source.to_string().starts_with("x: 9")));
}
