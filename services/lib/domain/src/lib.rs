//! Marquee's vocabulary: ids, ratings, the ledger of ratings that count, scales, positions in the
//! log, moments and the routing table.
//!
//! Constructors check, so that a value is right once it exists. The crate is pure: no async, no
//! I/O, no wire format. Roles, ports and adapters share these types; wire types stay in the
//! handlers.

mod clock;
mod id;
mod ledger;
mod moments;
mod movie;
mod position;
mod rating;
mod route;
mod run;
mod scale;
mod secret;
mod time;
mod violation;
mod window;

pub use clock::{Clock, ManualClock, SystemClock};
pub use id::{IdError, ModelName, MovieId, UserId, Version, check_new_id};
pub use ledger::{Ledger, LedgerChange, LedgerEntry};
pub use moments::Moments;
pub use movie::{Movie, MovieError};
pub use position::{Offset, Partition, Position};
pub use rating::{Rating, RatingEvent};
pub use route::{BUCKETS, BasisPoints, Candidate, Route, RouteError, RouteSpec, Salt, Variant, bucket};
pub use run::{
    Algorithm, FitParameters, GateResult, GateSide, Outcome, ParameterError, RunId, RunIdError, RunMetrics, RunState,
    Stage, TrainingPlan, TrainingRun,
};
pub use scale::{Scale, ScaleError, ScaleViolation};
pub use secret::Secret;
pub use time::Timestamp;
pub use violation::{Reason, Violation};
pub use window::Tiles;
