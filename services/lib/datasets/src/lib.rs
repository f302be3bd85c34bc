//! Reads rating data sets as their publishers ship them.
