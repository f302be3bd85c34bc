//! Marquee as its users meet it: harness, end-to-end tests and benchmarks.
