//! Compares batches with the same requests run one by one.

use proptest::prelude::*;

use super::*;
use crate::tensor::Kind;

/// Returns a plan in which `ids` [rows, length] may be padded along `length` and `state` [rows, 2]
/// may not be padded.
fn plan(max_rows: usize) -> Plan {
    let axis = |name: &str| Axis::Dynamic(name.to_owned());
    let port = |name: &str, kind, axes| Port { name: name.to_owned(), kind, axes };
    let inputs = [
        port("ids", Kind::I64, vec![axis("rows"), axis("length")]),
        port("state", Kind::F32, vec![axis("rows"), Axis::Fixed(2)]),
    ];
    let outputs = [
        port("by_id", Kind::F32, vec![axis("rows"), axis("length")]),
        port("by_row", Kind::F32, vec![axis("rows"), Axis::Fixed(2)]),
    ];
    let padded = vec!["length".to_owned(), "rows".to_owned()];
    Plan::new(&inputs, &outputs, &BatchSettings { max_rows, queue: 1, padded, ..BatchSettings::default() })
}

fn request(rows: usize, length: usize, first: i64) -> Vec<Tensor> {
    let ids = (0..rows * length).map(|at| first + at as i64).collect();
    let state = (0..2 * rows).map(|at| (first as f32) + at as f32).collect();
    vec![
        Tensor::from_vec(vec![rows, length], ids).expect("fits"),
        Tensor::from_vec(vec![rows, 2], state).expect("fits"),
    ]
}

/// Acts as a graph whose outputs are its inputs as floats.
fn echo(inputs: &[Tensor]) -> Vec<Tensor> {
    let ids = inputs[0].as_i64().expect("integers").iter().map(|&id| id as f32).collect();
    vec![Tensor::from_vec(inputs[0].shape().to_vec(), ids).expect("fits"), inputs[1].clone()]
}

#[test]
fn shorter_requests_are_padded_behind_with_zeros() {
    let requests = [request(1, 2, 1), request(2, 3, 5)];
    let requests: Vec<&[Tensor]> = requests.iter().map(Vec::as_slice).collect();
    let joined = plan(8).join(&requests).expect("joins");
    assert_eq!(joined[0].shape(), [3, 3]);
    assert_eq!(joined[0].as_i64(), Some([1, 2, 0, 5, 6, 7, 8, 9, 10].as_slice()));
    assert_eq!(joined[1].shape(), [3, 2]);
}

#[test]
fn padding_never_more_than_doubles_a_batch() {
    let plan = plan(100);
    let mut group = Group::new(&plan, &request(1, 100, 0));
    assert!(group.admit(&request(1, 1, 0)), "204 values for 105");
    assert!(!group.admit(&request(1, 1, 0)), "306 values for 108");
    assert!(group.admit(&request(1, 100, 0)), "306 values for 207");
}

#[test]
fn a_batch_has_at_most_max_rows() {
    let plan = plan(4);
    let mut group = Group::new(&plan, &request(2, 3, 0));
    assert!(!group.admit(&request(3, 3, 0)));
    assert!(group.admit(&request(2, 3, 0)));
    assert!(!group.admit(&request(1, 3, 0)));
}

#[test]
fn a_batch_has_at_most_max_area() {
    let plan = Plan { max_area: 8, ..plan(100) };
    let mut group = Group::new(&plan, &request(2, 2, 0));
    assert!(!group.admit(&request(1, 3, 0)), "3 rows of 3");
    assert!(group.admit(&request(2, 2, 0)), "4 rows of 2");
    assert!(!group.admit(&request(1, 1, 0)), "5 rows of 2");
}

#[test]
fn axes_that_may_not_be_padded_have_to_be_equal() {
    let axis = |name: &str| Axis::Dynamic(name.to_owned());
    let port = Port { name: "x".to_owned(), kind: Kind::F32, axes: vec![axis("rows"), axis("length")] };
    let plan = Plan::new(std::slice::from_ref(&port), std::slice::from_ref(&port), &BatchSettings::default());
    let one = |length| vec![Tensor::from_vec(vec![1, length], vec![0.0_f32; length]).expect("fits")];
    let mut group = Group::new(&plan, &one(3));
    assert!(!group.admit(&one(4)));
    assert!(group.admit(&one(3)));
}

#[test]
fn a_graph_without_a_common_dynamic_first_axis_runs_requests_alone() {
    let fixed = Port { name: "x".to_owned(), kind: Kind::F32, axes: vec![Axis::Fixed(1)] };
    let plan = Plan::new(std::slice::from_ref(&fixed), std::slice::from_ref(&fixed), &BatchSettings::default());
    let one = vec![Tensor::from_vec(vec![1], vec![0.0_f32]).expect("fits")];
    assert!(!Group::new(&plan, &one).admit(&one));
}

#[test]
fn outputs_with_another_number_of_rows_are_not_cut() {
    let requests = [request(1, 2, 1), request(1, 2, 5)];
    let requests: Vec<&[Tensor]> = requests.iter().map(Vec::as_slice).collect();
    let outputs = echo(&request(1, 2, 1));
    assert_eq!(plan(8).split(&outputs, &requests), None);
}

proptest! {
    #[test]
    fn joining_and_cutting_gives_each_request_its_own(
        sizes in prop::collection::vec((1_usize..4, 1_usize..6, 0_i64..100), 1..8),
    ) {
        let plan = plan(usize::MAX);
        let requests: Vec<Vec<Tensor>> = sizes.iter().map(|&(rows, length, first)| request(rows, length, first)).collect();
        let inputs: Vec<&[Tensor]> = requests.iter().map(Vec::as_slice).collect();
        let outputs = echo(&plan.join(&inputs).expect("joins"));
        let answers = plan.split(&outputs, &inputs).expect("cuts");
        let alone: Vec<Vec<Tensor>> = requests.iter().map(|request| echo(request)).collect();
        prop_assert_eq!(answers, alone);
    }

    #[test]
    fn blocks_of_any_rank_survive(shape in prop::collection::vec(1_usize..4, 2..5), grow in 0_usize..3) {
        let count: usize = shape.iter().product();
        let own = Tensor::from_vec::<i64>(shape.clone(), (0..count as i64).collect()).expect("fits");
        let larger: Vec<usize> = shape.iter().enumerate().map(|(at, length)| if at == 0 { 1 } else { length + grow }).collect();
        let count = larger.iter().product();
        let other = Tensor::from_vec(larger, vec![-1_i64; count]).expect("fits");
        let joined = concatenate(&[&other, &own]).expect("joins");
        prop_assert_eq!(joined.block(1, shape), Some(own));
    }
}
