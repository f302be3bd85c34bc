//! The trainer role: fits, judges, packages and publishes models.
