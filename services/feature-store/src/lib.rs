//! The feature-store role: turns the rating log into features and serves them.
