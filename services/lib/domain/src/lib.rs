//! Marquee's vocabulary: ids, ratings, scales, the log's positions, feature moments and the routing table.
//!
//! Everything here is a value that cannot be wrong once it exists: constructors check, everything after carries. The crate is pure: no async,
//! no I/O, no wire format. Roles, ports and adapters all speak in these types; wire types stop at the handlers.

mod clock;
mod id;
mod moments;
mod movie;
mod position;
mod rating;
mod route;
mod scale;
mod secret;
mod time;
mod violation;
mod window;

pub use clock::{Clock, ManualClock, SystemClock};
pub use id::{IdError, ModelName, MovieId, UserId, Version};
pub use moments::Moments;
pub use movie::{Movie, MovieError};
pub use position::{Offset, Partition, Position};
pub use rating::{Rating, RatingEvent};
pub use route::{BUCKETS, BasisPoints, Candidate, Route, RouteError, Salt, Variant, bucket};
pub use scale::{Scale, ScaleError, ScaleViolation};
pub use secret::Secret;
pub use time::Timestamp;
pub use violation::{Reason, Violation};
pub use window::Tiles;
