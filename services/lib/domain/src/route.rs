//! The routing table: which version of a model answers which user.
//!
//! Assignment is `bucket(salt, user)`: a hash modulo 10,000. Candidates take buckets from 0 upwards in their order, the stable version the rest, so
//! a user keeps its side while weights only grow, in every instance and every language that has SHA-256.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::{ModelName, UserId, Version};

/// Buckets that users fall into: a basis point each.
pub const BUCKETS: u32 = 10_000;

/// A share of users in hundredths of a per cent, at most 10,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct BasisPoints(u32);

impl BasisPoints {
    /// At most 10,000.
    pub fn try_new(points: u32) -> Result<Self, RouteError> {
        if points <= BUCKETS { Ok(Self(points)) } else { Err(RouteError::WeightTooLarge(points)) }
    }

    /// The number.
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

/// Decides who is assigned where: another salt is another assignment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Salt(String);

impl Salt {
    /// 1 to 64 bytes.
    pub fn try_new(text: &str) -> Result<Self, RouteError> {
        if matches!(text.len(), 1..=64) { Ok(Self(text.to_owned())) } else { Err(RouteError::BadSalt(text.len())) }
    }

    /// The text.
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
    /// More than everybody.
    #[error("weight is {0} basis points: give at most 10,000")]
    WeightTooLarge(u32),
    /// All candidates together are more than everybody.
    #[error("the candidates' weights add up to {0} basis points: keep the sum at or below 10,000")]
    SumTooLarge(u64),
    /// The same version stands twice.
    #[error("version {0} appears twice: name each version once")]
    Repeated(Version),
    /// Versions count from 1.
    #[error("version 0 does not exist: versions count from 1")]
    ZeroVersion,
    /// No salt, or too much of it.
    #[error("salt has {0} bytes: give 1 to 64")]
    BadSalt(usize),
}

/// A version under trial and its share of users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// Which version.
    pub version: Version,
    /// Its share.
    pub weight: BasisPoints,
}

/// Which side of a route a user is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Variant {
    /// The version that everybody gets by default.
    Stable,
    /// A version under trial.
    Candidate,
}

impl Variant {
    /// The name in answers and labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stable => "stable",
            Self::Candidate => "candidate",
        }
    }
}

/// One model's route, valid once it exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Draft")]
pub struct Route {
    model: ModelName,
    stable: Version,
    candidates: Vec<Candidate>,
    salt: Salt,
    revision: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Draft {
    model: ModelName,
    stable: Version,
    candidates: Vec<Candidate>,
    salt: Salt,
    revision: u64,
}

impl TryFrom<Draft> for Route {
    type Error = RouteError;

    fn try_from(draft: Draft) -> Result<Self, RouteError> {
        Self::try_new(draft.model, draft.stable, draft.candidates, draft.salt, draft.revision)
    }
}

impl Route {
    /// Checks that versions are distinct and weights fit.
    pub fn try_new(
        model: ModelName,
        stable: Version,
        candidates: Vec<Candidate>,
        salt: Salt,
        revision: u64,
    ) -> Result<Self, RouteError> {
        let mut versions = vec![stable];
        versions.extend(candidates.iter().map(|candidate| candidate.version));
        if versions.contains(&Version(0)) {
            return Err(RouteError::ZeroVersion);
        }
        versions.sort_unstable();
        if let Some(pair) = versions.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(RouteError::Repeated(pair[0]));
        }
        let sum: u64 = candidates.iter().map(|candidate| u64::from(candidate.weight.get())).sum();
        if sum > u64::from(BUCKETS) {
            return Err(RouteError::SumTooLarge(sum));
        }
        Ok(Self { model, stable, candidates, salt, revision })
    }

    /// Which model.
    pub fn model(&self) -> &ModelName {
        &self.model
    }

    /// The version that answers everybody else.
    pub fn stable(&self) -> Version {
        self.stable
    }

    /// The versions under trial.
    pub fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    /// What decides the assignment.
    pub fn salt(&self) -> &Salt {
        &self.salt
    }

    /// Grows by one with every change.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Every version that may be asked.
    pub fn versions(&self) -> impl Iterator<Item = Version> + '_ {
        std::iter::once(self.stable).chain(self.candidates.iter().map(|candidate| candidate.version))
    }

    /// The version that answers a user, and its side.
    pub fn assign(&self, user: &UserId) -> (Version, Variant) {
        let bucket = bucket(&self.salt, user);
        let mut upper = 0;
        for candidate in &self.candidates {
            upper += candidate.weight.get();
            if bucket < upper {
                return (candidate.version, Variant::Candidate);
            }
        }
        (self.stable, Variant::Stable)
    }

    /// Share of users that a version gets, in basis points.
    pub fn weight(&self, version: Version) -> u32 {
        let candidates: u32 = self.candidates.iter().map(|candidate| candidate.weight.get()).sum();
        if version == self.stable {
            return BUCKETS - candidates;
        }
        self.candidates.iter().find(|candidate| candidate.version == version).map_or(0, |c| c.weight.get())
    }
}

/// A user's bucket, 0 to 9,999: the first eight bytes (big-endian) of SHA-256(salt, 0x00, user) modulo 10,000.
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

    fn route(weight: u32) -> Route {
        let candidate = Candidate { version: Version(2), weight: BasisPoints::try_new(weight).expect("fits") };
        let model = ModelName::try_new("ratings").expect("valid");
        Route::try_new(model, Version(1), vec![candidate], Salt::try_new("s").expect("valid"), 1).expect("valid")
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
    }

    #[test]
    fn routes_that_make_no_sense_are_refused() {
        let name = || ModelName::try_new("ratings").expect("valid");
        let salt = || Salt::try_new("s").expect("valid");
        let candidate = |version, weight| Candidate {
            version: Version(version),
            weight: BasisPoints::try_new(weight).expect("fits"),
        };
        let two = vec![candidate(2, 6_000), candidate(3, 6_000)];
        assert_eq!(Route::try_new(name(), Version(1), two, salt(), 1), Err(RouteError::SumTooLarge(12_000)));
        let same = vec![candidate(1, 10)];
        assert_eq!(Route::try_new(name(), Version(1), same, salt(), 1), Err(RouteError::Repeated(Version(1))));
        assert_eq!(Route::try_new(name(), Version(0), vec![], salt(), 1), Err(RouteError::ZeroVersion));
    }
}
