//! The addresses of single roles, for fleets whose roles listen at addresses of their own.

use std::str::FromStr;

/// The roles whose APIs the commands call.
pub(crate) const ROLES: [&str; 6] = [INGEST, FEATURE_STORE, TRAINER, INFERENCE, MONITOR, ROLLOUTS];

pub(crate) const INGEST: &str = "ingest";
pub(crate) const FEATURE_STORE: &str = "feature-store";
pub(crate) const TRAINER: &str = "trainer";
pub(crate) const INFERENCE: &str = "inference";
pub(crate) const MONITOR: &str = "monitor";
pub(crate) const ROLLOUTS: &str = "rollouts";

/// The address of one role, written as `ROLE=URL`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleAddress {
    pub(crate) role: &'static str,
    pub(crate) address: String,
}

impl FromStr for RoleAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let example = "inference=http://HOST:7070";
        let Some((name, address)) = text.trim().split_once('=').filter(|(_, address)| !address.is_empty()) else {
            return Err(format!("expected ROLE=URL, for example {example}"));
        };
        match ROLES.into_iter().find(|role| *role == name) {
            Some(role) => Ok(Self { role, address: address.to_owned() }),
            None => Err(format!("'{name}' is not a role; expected one of {}", ROLES.join(", "))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_its_role() {
        let read = |text: &str| text.parse::<RoleAddress>();
        let expected = RoleAddress { role: FEATURE_STORE, address: "features:7070".to_owned() };
        assert_eq!(read("feature-store=features:7070"), Ok(expected));
        let url = read("ingest=http://host:1/?a=b").expect("a URL may have further signs of equality");
        assert_eq!(url.address, "http://host:1/?a=b");
        for (text, part) in [("features=host:1", "feature-store"), ("host:1", "ROLE=URL"), ("ingest=", "ROLE=URL")] {
            assert!(read(text).expect_err(text).contains(part), "{text}");
        }
    }
}
