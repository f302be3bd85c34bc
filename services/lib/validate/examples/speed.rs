//! Times a suite on generated ratings, beside Great Expectations on the same rows.
//!
//! `speed ROWS`, with `MARQUEE_GX_PYTHON` for the comparison. Reading the rows is not timed: both
//! have them in memory.

use std::io::Write as _;
use std::process::Command;
use std::time::Instant;

use marquee_tables::{Builder, Cell, Engine};
use marquee_validate::{ResultFormat, Suite, sets, validate};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt as _, SeedableRng as _};

const SUITE: &str = include_str!("speed.json");

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let rows: u64 = std::env::args().nth(1).map_or(Ok(1_000_000), |rows| rows.parse())?;
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let file = tempfile::Builder::new().suffix(".csv").tempfile()?;
    let mut csv = std::io::BufWriter::new(file.reopen()?);
    writeln!(csv, "user_id,movie_id,rating,rated_at")?;
    let mut builder = Builder::new(&sets::RATINGS, usize::MAX);
    for row in 0..rows {
        // A few users and movies have most ratings.
        let skewed = |random: &mut ChaCha8Rng, most: f64| (most * random.random::<f64>().powi(2)) as u64;
        let (user, movie) = (format!("u{}", skewed(&mut random, 6e3)), format!("m{}", skewed(&mut random, 4e3)));
        let rating = f64::from(random.random_range(1..=10)) / 2.0;
        let time = 1_000_000_000 + row * 37 % 900_000_000;
        writeln!(csv, "{user},{movie},{rating},{time}")?;
        let time = i64::try_from(time)? * 1_000_000;
        builder.push(&[Cell::Text(&user), Cell::Text(&movie), Cell::Float(rating), Cell::Time(time)])?;
    }
    csv.flush()?;
    let table = builder.finish()?;
    let suite = Suite::parse(SUITE)?;
    let engine = Engine::new(512 << 20);
    let mut best = f64::INFINITY;
    let mut met = 0;
    for _ in 0..3 {
        let start = Instant::now();
        met = validate(&engine, "ratings", &table, &suite, ResultFormat::Summary)?.met();
        best = best.min(start.elapsed().as_secs_f64());
    }
    println!("marquee: {rows} rows, {} expectations, {met} met, {best:.3} s (best of 3)", suite.len());
    let Some(python) = std::env::var_os("MARQUEE_GX_PYTHON") else { return Ok(()) };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/speed.py");
    let mut command = Command::new(python);
    command.args(["-I", script]).arg(file.path()).arg(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/speed.json"));
    let output = command.env("GX_ANALYTICS_ENABLED", "false").env("TQDM_DISABLE", "1").output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    print!("{text}");
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    let theirs: f64 = text.lines().last().and_then(|line| line.split(' ').nth(1)).ok_or("no time")?.parse()?;
    println!("ratio: {:.1}", theirs / best);
    Ok(())
}
