//! Fuzzes ONNX models: arbitrary bytes, and valid graphs with some bytes changed. The target runs
//! ONNX Runtime, so it is slow. It is skipped if the library is not installed.

#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use marquee_model::{write_encoder, write_scorer};
use marquee_posterior::{Posterior, Sample};
use marquee_onnx::{Graph, Runtime, Threads};

static RUNTIME: LazyLock<Option<Runtime>> = LazyLock::new(|| {
    let explicit = std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from);
    Runtime::load(explicit.as_deref()).inspect_err(|error| eprintln!("skipped: {error}")).ok()
});

static SOUND: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| {
    let sample = Sample {
        offset: 3.5,
        noise_precision: 1.0,
        prior_mean: vec![0.0; 2],
        prior_precision: vec![5.0; 2],
        movie_bias: vec![0.1; 3],
        factors: vec![0.2; 3],
        ..Sample::default()
    };
    let posterior = Posterior { movies: 3, factors: 1, samples: vec![sample], ..Posterior::default() };
    [write_encoder(&posterior).expect("encoder").bytes, write_scorer(&posterior).expect("scorer").bytes]
});

/// Applies changes of three bytes each: two for the place and one for the new value.
fn changed(sound: &[u8], changes: &[u8]) -> Vec<u8> {
    let mut bytes = sound.to_vec();
    for change in changes.chunks_exact(3) {
        let place = usize::from(u16::from_le_bytes([change[0], change[1]])) % bytes.len();
        bytes[place] = change[2];
    }
    bytes
}

/// Ends the run without a failure if ONNX Runtime is missing. The panic hook prints nothing,
/// because the loader catches the panics of ort.
fn prepare() {
    if RUNTIME.is_none() {
        std::process::exit(0);
    }
    std::panic::set_hook(Box::new(|_| {}));
}

libfuzzer_sys::fuzz_target!(init: prepare(), |data: &[u8]| {
    let (Some(runtime), Some((first, rest))) = (&*RUNTIME, data.split_first()) else { return };
    let bytes = match first % 3 {
        0 => rest.to_vec(),
        kind => changed(&SOUND[usize::from(kind) - 1], rest),
    };
    drop(Graph::load(runtime, &bytes, Threads::default()));
});
