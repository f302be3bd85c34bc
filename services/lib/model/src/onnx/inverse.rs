//! Inverts the precision matrices of users with the operators that ONNX has.
//!
//! A matrix is first scaled so that its diagonal is 1. Then all pivots are in (0, 1]. There no
//! method needs pivoting, and single precision is enough for a history of any length. It is
//! inverted by symmetric sweeps (Goodnight, "A Tutorial on the SWEEP Operator", 1979), a block of
//! pivots at a time. With M the matrix less the identity, J a block of rows and P the inverse of
//! the block `I + M[J, J]` on the diagonal, a sweep is `M − M[J]ᵀ P M[J]`. This is the sweep of the
//! textbook, except that it adds 2I to the swept block. No later sweep reads that block. After all
//! sweeps, the inverse is I − M. So most of the work is in a few matrix products.
//!
//! P is computed in the same way, with single pivots. A smaller block means fewer of these small
//! operators and more products of the whole matrix.

use std::ops::Range;

use super::graph::{GraphBuilder, Value, ints};
use super::sums::transposed;

/// The most pivots of a block.
const BLOCK: usize = 9;

/// The matrices `gram + prior`, where the prior is diagonal.
pub(super) struct Precision {
    /// [batch, S, n, n].
    pub(super) gram: Value,
    /// The diagonal of the gram matrix, [batch, S, 1, n].
    pub(super) diagonal: Value,
    /// The diagonal of the prior, [1, S, 1, n].
    pub(super) prior: Value,
    /// S and n.
    pub(super) size: (usize, usize),
}

/// Writes the inverses, [batch, S, n, n], with this name.
pub(super) fn invert(graph: &mut GraphBuilder, name: &str, precision: &Precision) -> Value {
    let Precision { gram, diagonal, prior, size: (samples, n) } = precision;
    let n = *n;
    let diagonal = graph.node("Add", "precision_diagonal", &[diagonal, prior]);
    let root = graph.node("Sqrt", "precision_root", &[&diagonal]);
    let row = graph.node("Reciprocal", "scale_row", &[&root]);
    graph.note("[batch, S, 1, n]: 1 / sqrt(A_ii)");
    let column = reshape(graph, "scale_column", &row, &[0, *samples as i64, n as i64, 1]);

    let others = (0..n * n).map(|at| if at / n == at % n { 0.0 } else { 1.0 });
    let others = graph.floats("off_diagonal", &[n, n], others, "[n, n]: 0 on the diagonal, else 1");
    let gram = graph.node("Mul", "gram_off_diagonal", &[gram, &others]);
    let scale = graph.node("MatMul", "scale", &[&column, &row]);
    let mut matrix = graph.node("Mul", "scaled_off_diagonal", &[&gram, &scale]);
    graph.note("[batch, S, n, n]: the scaled matrix less the identity");
    for (number, block) in blocks(n).into_iter().enumerate() {
        matrix = sweep(graph, &format!("block_{number}"), &matrix, block, *samples);
    }
    let identity = identity(graph, n);
    let scaled = graph.node("Sub", "scaled_inverse", &[&identity, &matrix]);
    graph.node("Mul", name, &[&scaled, &scale])
}

/// Cuts the rows of a matrix into blocks of about the same size.
fn blocks(n: usize) -> Vec<Range<usize>> {
    let count = n.div_ceil(BLOCK);
    (0..count).map(|block| block * n / count..(block + 1) * n / count).collect()
}

/// Sweeps a block of pivots.
fn sweep(graph: &mut GraphBuilder, name: &str, matrix: &Value, block: Range<usize>, samples: usize) -> Value {
    let named = |part: &str| format!("{name}_{part}");
    let rows = slice(graph, &named("rows"), matrix, &block, 2);
    graph.note("[batch, S, block, n]");
    let corner = slice(graph, &named("corner"), &rows, &block, 3);
    let inverse = invert_block(graph, name, &corner, (samples, block.len()));
    let solved = graph.node("MatMul", &named("solved"), &[&inverse, &rows]);
    let columns = transposed(graph, &named("columns"), &rows);
    let update = graph.node("MatMul", &named("update"), &[&columns, &solved]);
    graph.note("[batch, S, n, n]");
    graph.node("Sub", &named("swept"), &[matrix, &update])
}

/// Inverts I + M for a small M, [batch, S, n, n], pivot by pivot. Meanwhile the users and samples
/// are the last dimensions, so that each operator runs along them and not along a few columns.
///
/// The users and samples stay two dimensions, because a runtime can follow them: it then knows
/// before the first run which tensors have the same size, and writes a new one over one that is no
/// longer needed. With a joint dimension of unknown length it allocates each tensor of each run.
/// The two reshapes change nothing. They keep ONNX Runtime from moving the transpositions behind
/// the operators in between, where it would have one for each.
fn invert_block(graph: &mut GraphBuilder, name: &str, matrix: &Value, (samples, n): (usize, usize)) -> Value {
    let (n, samples) = (n as i64, samples as i64);
    let swap = || vec![ints("perm", &[2, 3, 0, 1])];
    let by_entry = graph.integers(&format!("shape_of_{n}_rows_by_entry"), &[n, n, 0, samples], "");
    let entries = graph.node_with("Transpose", &format!("{name}_entries"), &[matrix], swap());
    let mut matrix = graph.node("Reshape", &format!("{name}_by_entry"), &[&entries, &by_entry]);
    graph.note("[n, n, batch, S]");
    let one = graph.floats("one", &[], [1.0], "");
    let second = graph.integers("second", &[1], "");
    for pivot in 0..n {
        let named = |part: &str| format!("{name}_{part}_{pivot}");
        let index = graph.integer(&format!("row_{pivot}"), pivot);
        let row = graph.node("Gather", &named("row"), &[&matrix, &index]);
        let entry = graph.node("Gather", &named("entry"), &[&row, &index]);
        let value = graph.node("Add", &named("pivot"), &[&entry, &one]);
        let scaled = graph.node("Div", &named("scaled_row"), &[&row, &value]);
        let column = graph.node("Unsqueeze", &named("column"), &[&row, &second]);
        let update = graph.node("Mul", &named("update"), &[&column, &scaled]);
        matrix = graph.node("Sub", &named("sweep"), &[&matrix, &update]);
    }
    let entries = graph.node("Reshape", &format!("{name}_swept_entries"), &[&matrix, &by_entry]);
    let matrix = graph.node_with("Transpose", &format!("{name}_by_user"), &[&entries], swap());
    graph.note("[batch, S, n, n]");
    let identity = identity(graph, n as usize);
    graph.node("Sub", &format!("{name}_inverse"), &[&identity, &matrix])
}

fn reshape(graph: &mut GraphBuilder, name: &str, value: &Value, shape: &[i64]) -> Value {
    let shape = graph.integers(&format!("shape_of_{name}"), shape, "");
    graph.node("Reshape", name, &[value, &shape])
}

/// Returns some rows or columns: a range of one axis.
fn slice(graph: &mut GraphBuilder, name: &str, value: &Value, range: &Range<usize>, axis: i64) -> Value {
    let mut number = |value: i64| graph.integers(&format!("number_{value}"), &[value], "");
    let (from, to, axis) = (number(range.start as i64), number(range.end as i64), number(axis));
    graph.node("Slice", name, &[value, &from, &to, &axis])
}

/// Returns the identity matrix.
pub(super) fn identity(graph: &mut GraphBuilder, n: usize) -> Value {
    graph.floats(&format!("identity_{n}"), &[n, n], diagonal(&vec![1.0; n]), "[n, n]")
}

/// Returns a row-major square matrix with the given values on its diagonal.
pub(super) fn diagonal(values: &[f64]) -> Vec<f64> {
    let mut matrix = vec![0.0; values.len() * values.len()];
    for (at, value) in values.iter().enumerate() {
        matrix[at * values.len() + at] = *value;
    }
    matrix
}
