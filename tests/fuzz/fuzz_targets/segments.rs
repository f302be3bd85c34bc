//! The manifest of an embedded database. The first bytes are the journals that the database has.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((journals, manifest)) = data.split_at_checked(4) else { return };
    let journals = journals.iter().zip(0_u64..).map(|(length, at)| (at * u64::from(*length % 3), u64::from(*length)));
    marquee_embedded::fuzzing::check_manifest(manifest, &journals.collect());
});
