//! Lists model versions in pages.

use marquee_domain::{ModelName, Version};
use marquee_kit::{Failure, page_size, unknown_page_token};
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
        let mut page = Page::new(page_size(request.page_size, (MAX_PAGE, MAX_PAGE))?);
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
    if token.is_empty() { Ok(None) } else { parse().map(Some).ok_or_else(unknown_page_token) }
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
}
