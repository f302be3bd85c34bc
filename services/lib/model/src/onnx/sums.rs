//! The sums over ratings from which a user's state follows. A rating adds to each of them, so it
//! can also be taken away.

use marquee_posterior::{PILOTS, Posterior, Sample};

use super::graph::{GraphBuilder, Value, int, ints};
use super::{BATCH, HISTORY, movie_rows, precision};
use crate::signature::{Dim, Dtype, TensorSpec};
use crate::tensors;

/// Ratings of movies, each [batch, history].
pub(super) struct Ratings {
    movie: Value,
    rating: Value,
    weight: Value,
    signed: bool,
}

impl Ratings {
    /// Declares the inputs. In `signed` ratings the weight may also be -1.
    pub(super) fn declare(graph: &mut GraphBuilder, signed: bool) -> Self {
        let entries = |name, dtype| {
            let dims = vec![Dim::named(BATCH), Dim::named(HISTORY)];
            TensorSpec::new(name, dtype, dims)
        };
        let about = match signed {
            true => "1: add the rating, -1: take it away, 0: padding",
            false => "1 for an entry, 0 for padding",
        };
        let movie = graph.input(entries(tensors::MOVIE, Dtype::Int64), "index of the movie; any valid one in padding");
        let rating = graph.input(entries(tensors::RATING, Dtype::Float32), "stars");
        let weight = graph.input(entries(tensors::WEIGHT, Dtype::Float32), about);
        Self { movie, rating, weight, signed }
    }
}

/// The sums. All except `additions` and `count` contain alpha g_j.
pub(super) struct Sums {
    /// Σ w x xᵀ, [batch, S, n, n].
    pub(super) gram: Value,
    /// Σ w x (r − offset − B), [batch, S, 1, n].
    pub(super) evidence: Value,
    /// Σ w (r − offset − B)² of the first samples, [batch, P, 1, 1], where users differ in their
    /// noise.
    pub(super) squares: Option<Value>,
    /// Σ w y, [batch, S, 1, n], where there are sets.
    pub(super) additions: Option<Value>,
    /// Σ w, [batch, 1].
    pub(super) count: Value,
}

/// Returns the number of samples that tell the noise of a user.
pub(super) fn pilots(posterior: &Posterior) -> usize {
    PILOTS.min(posterior.samples.len())
}

/// Returns whether users differ in their noise.
pub(super) fn has_noise(posterior: &Posterior) -> bool {
    posterior.has_user_noise
}

/// Returns whether the set of the rated movies says something about a user.
pub(super) fn has_sets(posterior: &Posterior) -> bool {
    posterior.samples.first().is_some_and(|sample| !sample.additions.is_empty())
}

/// Returns the shapes of the sums, in the order of [`Sums::values`].
pub(super) fn shapes(posterior: &Posterior) -> Vec<TensorSpec> {
    let (samples, states) = (posterior.samples.len() as u64, posterior.factors as u64 + 1);
    let of = |name, dims: &[u64]| {
        let dims = [Dim::named(BATCH)].into_iter().chain(dims.iter().copied().map(Dim::Fixed)).collect();
        TensorSpec::new(name, Dtype::Float32, dims)
    };
    let mut specs = vec![
        of(tensors::GRAM, &[samples, states, states]),
        of(tensors::EVIDENCE, &[samples, 1, states]),
        of(tensors::COUNT, &[1]),
    ];
    if has_noise(posterior) {
        specs.push(of(tensors::SQUARES, &[pilots(posterior) as u64, 1, 1]));
    }
    if has_sets(posterior) {
        specs.push(of(tensors::ADDITIONS, &[samples, 1, states]));
    }
    specs
}

impl Sums {
    /// Returns all sums, in the order of [`shapes`].
    fn values(&mut self) -> Vec<&mut Value> {
        let Self { gram, evidence, squares, additions, count } = self;
        [gram, evidence, count].into_iter().chain(squares).chain(additions).collect()
    }

    /// Adds sums, which are inputs of the graph, in the order of [`shapes`]. The totals get the
    /// names of the outputs that replace the inputs.
    pub(super) fn add(mut self, graph: &mut GraphBuilder, before: &[(TensorSpec, Value)]) -> Self {
        for (value, (spec, before)) in self.values().into_iter().zip(before) {
            *value = graph.node("Add", &tensors::next(&spec.name), &[before, value]);
        }
        self
    }
}

/// Writes the sums over ratings.
///
/// The rows of the movies contain the square root of alpha g_j, so that no product has to multiply
/// by it again. The tables have the movies first: what the samples know of a movie lies together,
/// and is copied at once. The history is the first dimension of what is looked up, because a
/// runtime merges the transpositions below into the products, and then nothing is copied again.
/// Padding reads a row of zeros before the first movie, which is cheaper than to multiply by its
/// weight. Ratings that may be taken away are multiplied.
pub(super) fn sums(graph: &mut GraphBuilder, posterior: &Posterior, ratings: &Ratings) -> Sums {
    let (samples, states) = (posterior.samples.len(), posterior.factors + 1);
    let swap = || vec![ints("perm", &[1, 0])];
    let movie = match ratings.signed {
        true => ratings.movie.clone(),
        false => padded(graph, ratings),
    };
    let by_entry = graph.node_with("Transpose", "movie_by_entry", &[&movie], swap());
    graph.note("[history, batch]");
    let tables = Tables { posterior, has_padding: !ratings.signed };
    let root = |sample: &Sample, movie: usize| precision(sample, movie).sqrt();

    let rows = movie_rows(posterior, root);
    let doc = "[movies, S, n]: sqrt(alpha g_i) [1; Q_i]";
    let width = samples * states;
    let x = tables.gather(graph, "x", &by_entry, (&[samples, states], doc), |movie| {
        rows[movie * width..][..width].iter().copied()
    });
    graph.note("[history, batch, S, n]");
    let residual = residual(graph, &tables, &by_entry, &ratings.rating);
    let row_axis = graph.integers("row_axis", &[2], "");
    let residual = graph.node("Unsqueeze", "residual_row", &[&residual, &row_axis]);
    graph.note("[batch, S, 1, history]");

    let columns = graph.node_with("Transpose", "x_columns", &[&x], vec![ints("perm", &[1, 2, 3, 0])]);
    graph.note("[batch, S, n, history]");
    let weighted = match ratings.signed {
        true => {
            let weight = graph.node_with("Transpose", "weight_by_entry", &[&ratings.weight], swap());
            let axes = graph.integers("matrix_dimensions", &[2, 3], "");
            let weight = graph.node("Unsqueeze", "weight_of_entry", &[&weight, &axes]);
            graph.node("Mul", "weighted_x", &[&x, &weight])
        }
        false => x,
    };
    let rows = graph.node_with("Transpose", "x_rows", &[&weighted], vec![ints("perm", &[1, 2, 0, 3])]);
    graph.note("[batch, S, history, n]");
    let gram = graph.node("MatMul", "gram_of_ratings", &[&columns, &rows]);
    graph.note("[batch, S, n, n]");
    let evidence = graph.node("MatMul", "evidence_of_ratings", &[&residual, &rows]);
    graph.note("[batch, S, 1, n]");
    let squares = has_noise(posterior).then(|| squares(graph, posterior, ratings, &residual));
    let last = graph.integers("last_axis", &[-1], "");
    let count = graph.node_with("ReduceSum", "count_of_ratings", &[&ratings.weight, &last], vec![int("keepdims", 1)]);
    graph.note("[batch, 1]");
    let additions = has_sets(posterior).then(|| {
        let y = tables.gather(graph, "y", &movie, (&[samples * states], "[movies, S n]: y_i"), |movie| {
            posterior.samples.iter().flat_map(move |sample| &sample.additions[movie * states..][..states]).copied()
        });
        graph.note("[batch, history, S n]");
        let second = graph.integers("second", &[1], "");
        let row = graph.node("Unsqueeze", "weight_of_set", &[&ratings.weight, &second]);
        let sum = graph.node("MatMul", "additions_together", &[&row, &y]);
        graph.note("[batch, 1, S n]");
        let shape = graph.integers("shape_of_additions", &[0, samples as i64, 1, states as i64], "");
        graph.node("Reshape", "additions_of_ratings", &[&sum, &shape])
    });
    Sums { gram, evidence, squares, additions, count }
}

/// Returns sqrt(alpha g_j) (r − offset − B), [batch, S, history].
fn residual(graph: &mut GraphBuilder, tables: &Tables<'_>, by_entry: &Value, rating: &Value) -> Value {
    let samples = &tables.posterior.samples;
    let root = |sample: &Sample, movie: usize| precision(sample, movie).sqrt();
    let doc = "[movies, 2, S]: sqrt(alpha g_i), and the same times offset + B_i";
    let baselines = tables.gather(graph, "baselines", by_entry, (&[2, samples.len()], doc), |movie| {
        let baseline = move |sample: &Sample| root(sample, movie) * (sample.offset + sample.movie_bias[movie]);
        samples.iter().map(move |sample| root(sample, movie)).chain(samples.iter().map(baseline))
    });
    let baselines =
        graph.node_with("Transpose", "baselines_by_sample", &[&baselines], vec![ints("perm", &[1, 2, 3, 0])]);
    graph.note("[batch, 2, S, history]");
    let mut part = |name: &str, index: i64| {
        let index = graph.integer(&format!("number_of_{name}"), index);
        graph.node_with("Gather", name, &[&baselines, &index], vec![int("axis", 1)])
    };
    let (root, baseline) = (part("root", 0), part("baseline", 1));
    let second = graph.integers("second", &[1], "");
    let rating = graph.node("Unsqueeze", "rating_row", &[rating, &second]);
    let rating = graph.node("Mul", "scaled_rating", &[&root, &rating]);
    graph.node("Sub", "residual", &[&rating, &baseline])
}

/// Returns Σ w (r − offset − B)² of the first samples, [batch, P, 1, 1], from the residuals,
/// [batch, S, 1, history].
fn squares(graph: &mut GraphBuilder, posterior: &Posterior, ratings: &Ratings, residual: &Value) -> Value {
    let (first, sample_axis) = (graph.integers("first", &[0], ""), graph.integers("sample_axis", &[1], ""));
    let pilots = graph.integers("pilots", &[pilots(posterior) as i64], "");
    let residual = graph.node("Slice", "pilot_residual", &[residual, &first, &pilots, &sample_axis]);
    let column = transposed(graph, "pilot_residual_column", &residual);
    let weighted = match ratings.signed {
        true => {
            let axes = graph.integers("sample_and_row_axis", &[1, 2], "");
            let weight = graph.node("Unsqueeze", "weight_row", &[&ratings.weight, &axes]);
            graph.node("Mul", "pilot_weighted_residual", &[&residual, &weight])
        }
        false => residual,
    };
    graph.node("MatMul", "squares_of_ratings", &[&weighted, &column])
}

/// Returns the rows of the movies, and the row of zeros in place of padding.
fn padded(graph: &mut GraphBuilder, ratings: &Ratings) -> Value {
    let zero = graph.floats("zero", &[], [0.0], "");
    let (padding, one) = (graph.integer("row_of_padding", 0), graph.integer("row_of_first_movie", 1));
    let is_padding = graph.node("Equal", "is_padding", &[&ratings.weight, &zero]);
    let movie = graph.node("Add", "row_of_movie", &[&ratings.movie, &one]);
    graph.node("Where", "row_of_entry", &[&is_padding, &padding, &movie])
}

/// Swaps the last two of four dimensions. Runtimes merge this into the product that follows.
pub(super) fn transposed(graph: &mut GraphBuilder, name: &str, value: &Value) -> Value {
    graph.node_with("Transpose", name, &[value], vec![ints("perm", &[0, 1, 3, 2])])
}

/// Looks up what the samples know of the rated movies.
struct Tables<'a> {
    posterior: &'a Posterior,
    /// The first row is one of zeros.
    has_padding: bool,
}

impl Tables<'_> {
    /// Looks up rows of a table with the given values and shape of a movie's row.
    fn gather<V: Iterator<Item = f64>>(
        &self,
        graph: &mut GraphBuilder,
        name: &str,
        movie: &Value,
        (shape, doc): (&[usize], &str),
        row: impl Fn(usize) -> V,
    ) -> Value {
        let (padding, movies) = (usize::from(self.has_padding), self.posterior.movies);
        let zeros = std::iter::repeat_n(0.0, padding * shape.iter().product::<usize>());
        let dims: Vec<usize> = [padding + movies].into_iter().chain(shape.iter().copied()).collect();
        let table = graph.floats(&format!("movie_{name}"), &dims, zeros.chain((0..movies).flat_map(row)), doc);
        graph.node("Gather", name, &[&table, movie])
    }
}
