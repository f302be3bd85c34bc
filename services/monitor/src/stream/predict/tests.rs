//! Questions to inference, with paused time.

use super::*;
use crate::inference::Step;
use crate::testing::{EPOCH, ScriptedInference, model, movie, predict, wanted};

fn sequences(arrivals: &[i64]) -> Vec<Sequence> {
    let step = |seconds: &i64| Step {
        movie: movie(*seconds as usize),
        rating: 3.0,
        arrived: Timestamp::from_seconds(EPOCH + seconds),
    };
    vec![Sequence { history: vec![(movie(0), 4.0)], steps: arrivals.iter().map(step).collect() }]
}

fn predictor(inference: &ScriptedInference) -> Predictor {
    Predictor::new(Arc::new(inference.clone()), vec![model()], (500, Duration::from_secs(60)))
}

async fn steps(predictor: &mut Predictor, arrivals: &[i64]) -> Vec<Result<Outcomes, Reason>> {
    predictor.begin();
    let mut answers = predictor.predict(&sequences(arrivals)).await;
    answers.remove(0).steps
}

#[tokio::test(start_paused = true)]
async fn every_warm_version_answers_every_step() {
    let inference = ScriptedInference::with(&[1, 2]);
    let answers = steps(&mut predictor(&inference), &[1, 2]).await;
    let first = answers[0].as_ref().expect("predicted");
    let expected = predict(Version(2), &[(movie(0), 4.0)], &movie(1));
    assert_eq!((first.len(), first[&Version(2)]), (2, Ok(expected)));
    assert_eq!(answers.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_newest_versions_are_asked_when_there_are_too_many() {
    let inference = ScriptedInference::with(&(1..=20).collect::<Vec<_>>());
    let answers = steps(&mut predictor(&inference), &[1]).await;
    let versions: Vec<u64> = answers[0].as_ref().expect("predicted").keys().map(|version| version.0).collect();
    assert_eq!(versions, (5..=20).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_version_that_was_made_after_all_ratings_is_not_asked() {
    let inference = ScriptedInference::with(&[1]);
    inference.script().wanted[0].created_at = Some(Timestamp::from_seconds(EPOCH + 5));
    let started = Instant::now();
    let answers = steps(&mut predictor(&inference), &[1, 5]).await;
    let before = Outcomes::from([(Version(1), Err(Reason::BeforeTraining))]);
    assert_eq!(answers, [Ok(before.clone()), Ok(before.clone())]);
    assert_eq!((inference.script().questions, started.elapsed()), (0, Duration::ZERO));
    let answers = steps(&mut predictor(&inference), &[5, 6]).await;
    assert_eq!(answers[0], Ok(before));
    assert!(answers[1].as_ref().expect("predicted")[&Version(1)].is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_version_that_is_being_loaded_and_was_made_later_is_not_waited_for() {
    let inference = ScriptedInference::with(&[1]);
    inference.script().wanted[0] =
        WantedVersion { is_warm: false, created_at: Some(Timestamp::from_seconds(EPOCH + 5)), ..wanted(1) };
    let started = Instant::now();
    assert_eq!(steps(&mut predictor(&inference), &[1]).await, [Ok(Outcomes::new())]);
    assert_eq!(started.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_version_that_is_wanted_by_now_compares_the_next_batch() {
    let inference = ScriptedInference::with(&[1]);
    let mut predictor = predictor(&inference);
    steps(&mut predictor, &[1]).await;
    inference.script().wanted.push(wanted(2));
    assert_eq!(steps(&mut predictor, &[1]).await[0].as_ref().map(BTreeMap::len), Ok(2));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_too_short_has_no_estimate_for_the_rest() {
    let mut outcomes = vec![Outcomes::new(); 2];
    let made = predict(Version(1), &[], &movie(1));
    fill(&mut outcomes, Evaluated { version: Version(1), steps: Ok(vec![Some(made)]) });
    assert_eq!(outcomes[0][&Version(1)], Ok(made));
    assert_eq!(outcomes[1][&Version(1)], Err(Reason::EstimateFailed));
}
