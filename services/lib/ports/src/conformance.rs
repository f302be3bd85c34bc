//! The suites that every implementation of a port must pass, on embedded and on real back-ends alike.
