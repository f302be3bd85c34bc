//! The routing table: which version of a model answers which user.
//!
//! A user is assigned by a bucket: a hash of the salt and the user id, modulo 10,000. Candidates
//! take buckets from 0 upwards, in their order. The stable version takes the rest. A user therefore
//! keeps its side while weights only grow, in every instance and in every language that has
//! SHA-256.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::{ModelName, UserId, Version};

/// The number of buckets. One bucket is one basis point of the users.
pub const BUCKETS: u32 = 10_000;

/// A share of users in basis points (hundredths of a percent), at most 10,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct BasisPoints(u32);

impl BasisPoints {
    /// All users.
    pub const ALL: Self = Self(BUCKETS);

    /// Creates a share.
    ///
    /// # Errors
    /// The share is more than 10,000 basis points.
    pub fn try_new(points: u32) -> Result<Self, RouteError> {
        if points <= BUCKETS { Ok(Self(points)) } else { Err(RouteError::WeightTooLarge(points)) }
    }

    /// Returns the number of basis points.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for BasisPoints {
    type Error = RouteError;

    fn try_from(points: u32) -> Result<Self, RouteError> {
        Self::try_new(points)
    }
}

impl From<BasisPoints> for u32 {
    fn from(points: BasisPoints) -> u32 {
        points.0
    }
}

/// A text that decides which user falls into which bucket. Another salt is another assignment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Salt(String);

impl Salt {
    /// Creates a salt.
    ///
    /// # Errors
    /// The text is empty or longer than 64 bytes.
    pub fn try_new(text: &str) -> Result<Self, RouteError> {
        if matches!(text.len(), 1..=64) { Ok(Self(text.to_owned())) } else { Err(RouteError::BadSalt(text.len())) }
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Salt {
    type Error = RouteError;

    fn try_from(text: String) -> Result<Self, RouteError> {
        Self::try_new(&text)
    }
}

impl From<Salt> for String {
    fn from(salt: Salt) -> String {
        salt.0
    }
}

/// Why a route was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RouteError {
    /// A weight is more than all users.
    #[error("weight is {0} basis points: give at most 10,000")]
    WeightTooLarge(u32),
    /// The weights of all candidates together are more than all users.
    #[error("the candidates' weights add up to {0} basis points: keep the sum at or below 10,000")]
    SumTooLarge(u64),
    /// A version is named more than once.
    #[error("version {0} appears twice: name each version once")]
    Repeated(Version),
    /// A version is 0.
    #[error("version 0 does not exist: versions count from 1")]
    ZeroVersion,
    /// The salt is empty or too long.
    #[error("salt has {0} bytes: give 1 to 64")]
    BadSalt(usize),
}

/// A version under trial and its share of users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// The version.
    pub version: Version,
    /// Its share of users.
    pub weight: BasisPoints,
}

/// The side of a route that a user is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Variant {
    /// The version that answers every user whom no candidate takes.
    Stable,
    /// A version under trial.
    Candidate,
}

impl Variant {
    /// Returns the name that answers and metric labels carry.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stable => "stable",
            Self::Candidate => "candidate",
        }
    }
}

/// The parts of a route before they are checked together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteSpec {
    /// The model.
    pub model: ModelName,
    /// The version that answers every user whom no candidate takes.
    pub stable: Version,
    /// The versions under trial, in the order in which they take buckets.
    pub candidates: Vec<Candidate>,
    /// Versions that are kept warm and never answer.
    pub shadow: Vec<Version>,
    /// The text that decides the assignment.
    pub salt: Salt,
    /// Grows by one with every change.
    pub revision: u64,
}

/// The route of one model: versions are distinct and weights fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route(RouteSpec);

impl Route {
    /// Checks the parts of a route.
    ///
    /// # Errors
    /// A version is 0 or named twice, or the weights add up to more than 10,000 basis points.
    pub fn try_new(spec: RouteSpec) -> Result<Self, RouteError> {
        let route = Self(spec);
        let mut versions: Vec<Version> = route.versions().collect();
        if versions.contains(&Version(0)) {
            return Err(RouteError::ZeroVersion);
        }
        versions.sort_unstable();
        if let Some(pair) = versions.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(RouteError::Repeated(pair[0]));
        }
        let sum: u64 = route.0.candidates.iter().map(|candidate| u64::from(candidate.weight.get())).sum();
        if sum > u64::from(BUCKETS) {
            return Err(RouteError::SumTooLarge(sum));
        }
        Ok(route)
    }

    /// Returns the same route with another revision.
    #[must_use]
    pub fn with_revision(mut self, revision: u64) -> Self {
        self.0.revision = revision;
        self
    }

    /// Returns the same route with another salt.
    #[must_use]
    pub fn with_salt(mut self, salt: Salt) -> Self {
        self.0.salt = salt;
        self
    }

    /// Returns the model.
    pub fn model(&self) -> &ModelName {
        &self.0.model
    }

    /// Returns the version that answers every user whom no candidate takes.
    pub fn stable(&self) -> Version {
        self.0.stable
    }

    /// Returns the versions under trial.
    pub fn candidates(&self) -> &[Candidate] {
        &self.0.candidates
    }

    /// Returns the versions that are kept warm and never answer.
    pub fn shadow(&self) -> &[Version] {
        &self.0.shadow
    }

    /// Returns the text that decides the assignment.
    pub fn salt(&self) -> &Salt {
        &self.0.salt
    }

    /// Returns the revision, which grows by one with every change.
    pub fn revision(&self) -> u64 {
        self.0.revision
    }

    /// Returns every version that the route names: stable, candidates and shadow.
    pub fn versions(&self) -> impl Iterator<Item = Version> + '_ {
        let candidates = self.0.candidates.iter().map(|candidate| candidate.version);
        std::iter::once(self.0.stable).chain(candidates).chain(self.0.shadow.iter().copied())
    }

    /// Returns the version that answers a user, and the user's side.
    pub fn assign(&self, user: &UserId) -> (Version, Variant) {
        let bucket = bucket(&self.0.salt, user);
        let mut upper = 0;
        for candidate in &self.0.candidates {
            upper += candidate.weight.get();
            if bucket < upper {
                return (candidate.version, Variant::Candidate);
            }
        }
        (self.0.stable, Variant::Stable)
    }

    /// Returns the share of users that a version answers, in basis points.
    pub fn weight(&self, version: Version) -> u32 {
        let candidates: u32 = self.0.candidates.iter().map(|candidate| candidate.weight.get()).sum();
        if version == self.0.stable {
            return BUCKETS - candidates;
        }
        self.0.candidates.iter().find(|candidate| candidate.version == version).map_or(0, |c| c.weight.get())
    }
}

/// Returns a user's bucket, 0 to 9,999: the first eight bytes (big-endian) of
/// SHA-256(salt, 0x00, user), modulo 10,000.
pub fn bucket(salt: &Salt, user: &UserId) -> u32 {
    let digest = Sha256::new().chain_update(salt.0.as_bytes()).chain_update([0]).chain_update(user.as_str()).finalize();
    let mut head = [0; 8];
    head.copy_from_slice(&digest[..8]);
    (u64::from_be_bytes(head) % u64::from(BUCKETS)) as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn candidate(version: u64, weight: u32) -> Candidate {
        Candidate { version: Version(version), weight: BasisPoints::try_new(weight).expect("fits") }
    }

    fn spec(stable: u64, candidates: Vec<Candidate>) -> RouteSpec {
        RouteSpec {
            model: ModelName::try_new("ratings").expect("valid"),
            stable: Version(stable),
            candidates,
            shadow: Vec::new(),
            salt: Salt::try_new("s").expect("valid"),
            revision: 1,
        }
    }

    fn route(weight: u32) -> Route {
        Route::try_new(spec(1, vec![candidate(2, weight)])).expect("valid")
    }

    fn user(n: u32) -> UserId {
        UserId::try_new(&format!("user-{n}")).expect("valid")
    }

    #[test]
    fn the_share_of_users_is_the_weight() {
        let route = route(2_000);
        let taken = (0..20_000).filter(|&n| route.assign(&user(n)).1 == Variant::Candidate).count();
        assert!((3_800..4_200).contains(&taken), "{taken}");
        assert_eq!((route.weight(Version(1)), route.weight(Version(2)), route.weight(Version(3))), (8_000, 2_000, 0));
    }

    #[test]
    fn the_bucket_is_the_documented_one() {
        // python3: int.from_bytes(hashlib.sha256(b"s\0user-1").digest()[:8], "big") % 10000
        assert_eq!(bucket(&Salt::try_new("s").expect("valid"), &user(1)), 4_397);
    }

    proptest! {
        #[test]
        fn a_user_stays_while_the_weight_grows(n in 0u32..1_000_000, low in 0u32..=10_000, high in 0u32..=10_000) {
            let (low, high) = (low.min(high), low.max(high));
            let user = user(n);
            if route(low).assign(&user).1 == Variant::Candidate {
                prop_assert_eq!(route(high).assign(&user).1, Variant::Candidate);
            }
        }

        #[test]
        fn a_shadow_version_never_answers(n in 0u32..1_000_000, weight in 0u32..=10_000) {
            let shadow = vec![Version(3)];
            let route = Route::try_new(RouteSpec { shadow, ..spec(1, vec![candidate(2, weight)]) }).expect("valid");
            prop_assert_ne!(route.assign(&user(n)).0, Version(3));
            prop_assert_eq!(route.weight(Version(3)), 0);
            prop_assert!(route.versions().any(|version| version == Version(3)));
        }
    }

    #[test]
    fn routes_that_contradict_themselves_are_refused() {
        let two = vec![candidate(2, 6_000), candidate(3, 6_000)];
        assert_eq!(Route::try_new(spec(1, two)), Err(RouteError::SumTooLarge(12_000)));
        assert_eq!(Route::try_new(spec(1, vec![candidate(1, 10)])), Err(RouteError::Repeated(Version(1))));
        assert_eq!(Route::try_new(spec(0, vec![])), Err(RouteError::ZeroVersion));
        let shadow = vec![Version(2)];
        let repeated = Route::try_new(RouteSpec { shadow, ..spec(1, vec![candidate(2, 10)]) });
        assert_eq!(repeated, Err(RouteError::Repeated(Version(2))));
    }
}
