//! Lists model versions in pages.

use marquee_domain::{ModelName, Reason, Version};
use marquee_kit::Failure;
use marquee_proto::page::Page;
use marquee_proto::prediction::v1 as pb;

use super::Service;
use crate::repository::Key;

/// The most versions of a page.
const MAX_PAGE: u32 = 10_000;

impl Service {
    /// Returns the page of the versions after a token, by name and version.
    pub(super) async fn call_list_models(
        &self,
        request: &pb::ListModelsRequest,
    ) -> Result<pb::ListModelsResponse, Failure> {
        let only = self.only(&request.model)?;
        let after = place(&request.page_token)?;
        let wanted = |key: &Key| {
            only.as_ref().is_none_or(|only| *only == key.0) && after.as_ref().is_none_or(|after| key > after)
        };
        let mut page = Page::new(page_size(request.page_size)?);
        let mut next_page_token = String::new();
        for key in self.0.repository.stored().into_iter().filter(wanted) {
            if !page.add(self.describe(&key).await) {
                next_page_token = page.last().map(token).unwrap_or_default();
                break;
            }
        }
        Ok(pb::ListModelsResponse { versions: page.into_entries(), next_page_token })
    }
}

fn page_size(asked: u32) -> Result<usize, Failure> {
    match asked {
        0 => Ok(MAX_PAGE as usize),
        1..=MAX_PAGE => Ok(asked as usize),
        _ => Err(Failure::field("page_size", Reason::TooMany, format!("is {asked}: ask for at most {MAX_PAGE}"))),
    }
}

/// Returns the token of the page after a version.
fn token(version: &pb::ModelVersion) -> String {
    format!("{}/{}", version.model, version.version)
}

/// Returns the version that a token stands for, or `None` for the first page.
fn place(token: &str) -> Result<Option<Key>, Failure> {
    let parse = || {
        let (name, version) = token.rsplit_once('/')?;
        Some((ModelName::try_new(name).ok()?, Version(version.parse().ok()?)))
    };
    let unknown =
        || Failure::field("page_token", Reason::Malformed, "is not a token of an earlier answer: leave it out");
    if token.is_empty() { Ok(None) } else { parse().map(Some).ok_or_else(unknown) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_stands_for_the_version_that_it_was_made_from() {
        let version = pb::ModelVersion { model: "films-2".to_owned(), version: 17, ..pb::ModelVersion::default() };
        let key = (ModelName::try_new("films-2").expect("valid"), Version(17));
        assert_eq!(place(&token(&version)).expect("valid"), Some(key));
        assert_eq!(place("").expect("the first page"), None);
        for wrong in ["films-2", "films-2/", "/1", "films-2/x", "A/1", "films-2/1/2"] {
            assert!(place(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_page_size_has_a_default_and_a_bound() {
        assert_eq!([0, 1, 10_000].map(|asked| page_size(asked).expect("valid")), [10_000, 1, 10_000]);
        assert!(page_size(10_001).is_err());
    }
}
