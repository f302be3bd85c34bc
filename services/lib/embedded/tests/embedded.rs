//! The embedded back-ends: the suites of their ports, their folders, and the state after a kill.

mod crash;
mod damage;
mod folders;
mod full_disk;
mod lost_files;
mod suites;
