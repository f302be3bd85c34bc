//! `kubectl-marquee`: everything is in the library, so that tests can run it too.

fn main() -> std::process::ExitCode {
    marquee_operator::plugin_main()
}
