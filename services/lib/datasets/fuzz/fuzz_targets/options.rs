//! Ratings that are read with the options that the first byte chooses.

#![no_main]

mod exhaust;

use marquee_datasets::{Field, Options};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((choice, data)) = data.split_first() else { return };
    let is_set = |bit: u8| choice & (1 << bit) != 0;
    let columns = vec![(Field::Movie, "2".to_owned()), (Field::Rating, "3".to_owned())];
    let options = Options {
        user: is_set(0).then(|| "me".to_owned()),
        movie_from_title: is_set(1),
        zero_is_none: is_set(2),
        time_format: if is_set(3) { "%d/%m/%Y %H:%M".parse().ok() } else { None },
        columns: if is_set(4) { columns } else { Vec::new() },
        encoding: if is_set(5) { marquee_datasets::parse_encoding("utf-16le").ok() } else { None },
        ..Options::default()
    };
    exhaust::exhaust_with("ratings.csv", data, options);
});
