//! The `kubectl-marquee` program under test: the product's own `main`, built with this package so
//! that its tests can start it.

fn main() -> std::process::ExitCode {
    marquee_operator::plugin_main()
}
