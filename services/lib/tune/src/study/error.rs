//! Why a study cannot be opened or written.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::space::SpaceError;

/// Why a study cannot be opened or written.
#[derive(Debug, Error)]
pub enum StudyError {
    /// The file cannot be read.
    #[error("could not read the study file {}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The file cannot be written.
    #[error("could not write the study file {}", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// Another process has the file open.
    #[error("another process has the study file {} open: wait until it ends, or give another file", .path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The file exists and is not a study file.
    #[error("{} is not a study file: give another path", .path.display())]
    NotAStudy {
        /// The file.
        path: PathBuf,
    },
    /// The file has another version.
    #[error("the study file {} has the format version {found}, and this program reads {supported}: continue it with the program that wrote it, or give another file", .path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// The version of the file.
        found: u64,
        /// The version that can be read.
        supported: u64,
    },
    /// The study has another search space.
    #[error("the study file {} has another search space, which differs in {difference}: give the space that it was started with, or another file", .path.display())]
    Space {
        /// The file.
        path: PathBuf,
        /// The first parameter that differs.
        difference: String,
    },
    /// The study was made for something else.
    #[error("the study file {} was started with {key} {found}, and now it is {wanted}: give the same, or another file", .path.display())]
    Context {
        /// The file.
        path: PathBuf,
        /// What differs.
        key: String,
        /// What the study was started with.
        found: String,
        /// What was given now.
        wanted: String,
    },
    /// A line that is not the last one cannot be read.
    #[error("line {line} of the study file {} cannot be read ({problem}): restore a copy, or cut the file before this line", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// Values to try are not in the search space.
    #[error("values to try")]
    Values(#[source] SpaceError),
}
