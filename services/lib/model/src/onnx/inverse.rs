//! Inverts batches of symmetric positive definite matrices with the operators that ONNX has.
//!
//! A matrix is first scaled so that its diagonal is 1. Then all pivots are in (0, 1]. There no
//! method needs pivoting, and single precision is enough for a history of any length. A large
//! matrix is cut in four: with `W = A⁻¹ B` and the Schur complement `C = D − Bᵀ W`, the inverse of
//! `[A B; Bᵀ D]` is `[A⁻¹ + W C⁻¹ Wᵀ, −W C⁻¹; −C⁻¹ Wᵀ, C⁻¹]` (Banachiewicz 1937), and the
//! determinant is `|A| |C|`. So most of the work is in matrix products. A matrix of at most
//! [`SMALL`] rows is inverted by symmetric sweeps, which are unrolled (Goodnight, "A Tutorial on
//! the SWEEP Operator", 1979).
//!
//! Let c be the column of the pivot, p the pivot and e its unit vector. One sweep is M − (c − e)(c
//! − e)ᵀ / p. This is the sweep of the textbook, except that it adds 2 to the swept diagonal entry.
//! No later sweep reads that entry. After all sweeps, the inverse is 2I − M. The product of the
//! pivots is the determinant.

use std::ops::Range;

use super::graph::{GraphBuilder, Value, int, ints};

/// The most rows of a matrix that is inverted by sweeps. Each sweep takes some operators, whose
/// cost hardly depends on the size of so small matrices.
const SMALL: usize = 9;

/// An inverse.
pub(super) struct Inverse {
    /// [..., n, n].
    pub(super) inverse: Value,
    /// The logarithm of the determinant of the matrix, [..., 1, 1].
    pub(super) log_determinant: Option<Value>,
}

/// Inverts matrices [..., n, n] of this many dimensions. `name` goes before the names of the nodes.
pub(super) fn invert(
    graph: &mut GraphBuilder,
    name: &str,
    (rank, n): (i64, usize),
    matrix: &Value,
    has_determinant: bool,
) -> Inverse {
    let mut inverter = Inverter::new(graph, name, rank, has_determinant);
    let identity = inverter.graph.floats(&format!("{name}_identity"), &[n, n], diagonal(&vec![1.0; n]), "[n, n]");
    let on_diagonal = inverter.node("Mul", "on_diagonal", &[matrix, &identity]);
    let (rows, columns) = (inverter.rows.clone(), inverter.columns.clone());
    let column = inverter.node("ReduceSum", "diagonal_column", &[&on_diagonal, &columns]);
    inverter.graph.note("[..., n, 1]");
    let row = inverter.node("ReduceSum", "diagonal_row", &[&on_diagonal, &rows]);
    inverter.graph.note("[..., 1, n]");
    let product = inverter.node("Mul", "diagonal_product", &[&column, &row]);
    let scale = inverter.node("Sqrt", "scale", &[&product]);
    inverter.graph.note("[..., n, n]: sqrt(A_ii A_jj)");
    let scaled = inverter.node("Div", "scaled", &[matrix, &scale]);
    let (inverse, determinant) = inverter.invert(n, &scaled);
    let inverse = inverter.node("Div", "inverse", &[&inverse, &scale]);
    let log_determinant = determinant.map(|determinant| {
        let logarithm = inverter.node("Log", "log_scaled_determinant", &[&determinant]);
        let logarithms = inverter.node("Log", "log_diagonal", &[&column]);
        let volume = inverter.node("ReduceSum", "log_volume", &[&logarithms, &rows]);
        inverter.node("Add", "log_determinant", &[&logarithm, &volume])
    });
    Inverse { inverse, log_determinant }
}

/// Writes the nodes of one inverse.
struct Inverter<'a> {
    graph: &'a mut GraphBuilder,
    name: &'a str,
    rows: Value,
    columns: Value,
    /// Swaps the last two dimensions.
    swap: Vec<i64>,
    has_determinant: bool,
    parts: usize,
}

impl<'a> Inverter<'a> {
    fn new(graph: &'a mut GraphBuilder, name: &'a str, rank: i64, has_determinant: bool) -> Self {
        let rows = graph.integers(&format!("{name}_row_axis"), &[-2], "");
        let columns = graph.integers(&format!("{name}_column_axis"), &[-1], "");
        let swap = (0..rank - 2).chain([rank - 1, rank - 2]).collect();
        Self { graph, name, rows, columns, swap, has_determinant, parts: 0 }
    }

    fn node(&mut self, operator: &str, name: &str, inputs: &[&Value]) -> Value {
        self.graph.node(operator, &format!("{}_{name}", self.name), inputs)
    }

    fn transpose(&mut self, name: &str, matrix: &Value) -> Value {
        let swap = vec![ints("perm", &self.swap)];
        self.graph.node_with("Transpose", &format!("{}_{name}", self.name), &[matrix], swap)
    }

    fn concat(&mut self, name: &str, parts: [&Value; 2], axis: i64) -> Value {
        self.graph.node_with("Concat", &format!("{}_{name}", self.name), &parts, vec![int("axis", axis)])
    }

    /// Returns a block of a matrix: its rows and its columns.
    fn block(&mut self, name: &str, matrix: &Value, rows: Range<usize>, columns: Range<usize>) -> Value {
        let from = [rows.start as i64, columns.start as i64];
        let to = [rows.end as i64, columns.end as i64];
        let from = self.graph.integers(&format!("{}_{name}_from", self.name), &from, "");
        let to = self.graph.integers(&format!("{}_{name}_to", self.name), &to, "");
        let axes = self.graph.integers(&format!("{}_{name}_axes", self.name), &[-2, -1], "");
        self.node("Slice", name, &[matrix, &from, &to, &axes])
    }

    /// Returns the inverse and the determinant, [..., 1, 1], of matrices with `n` rows.
    fn invert(&mut self, n: usize, matrix: &Value) -> (Value, Option<Value>) {
        self.parts += 1;
        let part = self.parts;
        if n <= SMALL {
            return self.sweep(part, n, matrix);
        }
        let half = n.div_ceil(2);
        let a = self.block(&format!("a_{part}"), matrix, 0..half, 0..half);
        let b = self.block(&format!("b_{part}"), matrix, 0..half, half..n);
        let b_transposed = self.block(&format!("b_transposed_{part}"), matrix, half..n, 0..half);
        let d = self.block(&format!("d_{part}"), matrix, half..n, half..n);
        let (a, of_a) = self.invert(half, &a);
        let w = self.node("MatMul", &format!("w_{part}"), &[&a, &b]);
        let explained = self.node("MatMul", &format!("explained_{part}"), &[&b_transposed, &w]);
        let c = self.node("Sub", &format!("c_{part}"), &[&d, &explained]);
        let (c, of_c) = self.invert(n - half, &c);
        let w_c = self.node("MatMul", &format!("w_c_{part}"), &[&w, &c]);
        let w = self.transpose(&format!("w_transposed_{part}"), &w);
        let added = self.node("MatMul", &format!("added_{part}"), &[&w_c, &w]);
        let a = self.node("Add", &format!("inverse_a_{part}"), &[&a, &added]);
        let b = self.node("Neg", &format!("inverse_b_{part}"), &[&w_c]);
        let b_transposed = self.transpose(&format!("inverse_b_transposed_{part}"), &b);
        let top = self.concat(&format!("top_{part}"), [&a, &b], -1);
        let bottom = self.concat(&format!("bottom_{part}"), [&b_transposed, &c], -1);
        let inverse = self.concat(&format!("whole_{part}"), [&top, &bottom], -2);
        let determinant = of_a.zip(of_c).map(|(a, c)| self.node("Mul", &format!("determinant_{part}"), &[&a, &c]));
        (inverse, determinant)
    }

    /// Does the same by sweeps.
    fn sweep(&mut self, part: usize, n: usize, matrix: &Value) -> (Value, Option<Value>) {
        let (rows, columns) = (self.rows.clone(), self.columns.clone());
        let mut matrix = matrix.clone();
        let mut determinant: Option<Value> = None;
        for pivot in 0..n {
            let named = |name: &str| format!("{name}_{part}_{pivot}");
            let constant = |name: &str| format!("{}_{name}_{part}_{pivot}", self.name);
            let from = self.graph.integers(&constant("from"), &[pivot as i64], "");
            let to = self.graph.integers(&constant("to"), &[pivot as i64 + 1], "");
            let unit = (0..n).map(|row| f64::from(u8::from(row == pivot)));
            let unit = self.graph.floats(&constant("unit"), &[n, 1], unit, "[n, 1]");
            let column = self.node("Slice", &named("column"), &[&matrix, &from, &to, &columns]);
            let value = self.node("Slice", &named("pivot"), &[&column, &from, &to, &rows]);
            let column = self.node("Sub", &named("update_column"), &[&column, &unit]);
            let row = self.transpose(&named("update_row"), &column);
            let row = self.node("Div", &named("scaled_update_row"), &[&row, &value]);
            let update = self.node("Mul", &named("update"), &[&column, &row]);
            matrix = self.node("Sub", &named("sweep"), &[&matrix, &update]);
            if self.has_determinant {
                determinant = Some(match determinant {
                    Some(before) => self.node("Mul", &named("determinant"), &[&before, &value]),
                    None => value,
                });
            }
        }
        let name = format!("{}_twice_identity_{part}", self.name);
        let twice = self.graph.floats(&name, &[n, n], diagonal(&vec![2.0; n]), "[n, n]");
        (self.node("Sub", &format!("swept_{part}"), &[&twice, &matrix]), determinant)
    }
}

/// Returns a row-major square matrix with the given values on its diagonal.
pub(super) fn diagonal(values: &[f64]) -> Vec<f64> {
    let mut matrix = vec![0.0; values.len() * values.len()];
    for (at, value) in values.iter().enumerate() {
        matrix[at * values.len() + at] = *value;
    }
    matrix
}
