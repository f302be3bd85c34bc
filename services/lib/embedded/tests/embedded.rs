//! The embedded back-ends: the suites of their ports, their folders, and what a killed process leaves.

mod crash;
mod damage;
mod folders;
mod suites;
