//! The one binary: every role, the whole fleet, and the command line.
