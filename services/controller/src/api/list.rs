//! Lists rollouts, and after them rollout files, in pages.

use marquee_domain::ModelName;
use marquee_kit::{Failure, page_size, unknown_page_token};
use marquee_proto::page::Page;
use marquee_proto::rollout::v1 as pb;

use super::wire;
use crate::files::FileState;
use crate::rollouts::{Board, Rollout};

/// The most entries of a page.
const MAX_PAGE: u32 = 10_000;

/// What a token begins with: the last entry of its page is a rollout, or a file.
const ROLLOUT: &str = "rollouts";
const FILE: &str = "files";

/// One entry of the list.
#[derive(Debug, Clone, Copy)]
enum Entry<'a> {
    Rollout(&'a Rollout),
    File(&'a FileState),
}

/// Whether an entry is a file, and its name. The list is in the order of its places.
type Place<'a> = (bool, &'a str);

impl<'a> Entry<'a> {
    fn place(self) -> Place<'a> {
        match self {
            Self::Rollout(rollout) => (false, rollout.document.model.as_str()),
            Self::File(file) => (true, file.name.as_str()),
        }
    }

    /// Returns an answer with this entry alone. It takes as many bytes as the entry in its list.
    fn alone(self) -> pb::ListRolloutsResponse {
        let (mut rollouts, mut files) = (Vec::new(), Vec::new());
        match self {
            Self::Rollout(rollout) => rollouts.push(wire::rollout(rollout)),
            Self::File(file) => files.push(wire::file(file)),
        }
        pb::ListRolloutsResponse { rollouts, files, next_page_token: String::new() }
    }
}

/// Returns the page after the token of a request. `files` are in the order of their names.
pub(super) fn page(
    board: &Board,
    files: &[FileState],
    request: &pb::ListRolloutsRequest,
) -> Result<pb::ListRolloutsResponse, Failure> {
    let after = place(&request.page_token)?;
    let mut page = Page::new(page_size(request.page_size, (MAX_PAGE, MAX_PAGE))?);
    let rollouts = board.values().map(|rollout| Entry::Rollout(rollout));
    let entries = rollouts.chain(files.iter().map(Entry::File));
    let (mut last, mut next_page_token) = (None, String::new());
    for entry in entries.filter(|entry| after.is_none_or(|after| entry.place() > after)) {
        if !page.add(entry.alone()) {
            next_page_token = last.map(token).unwrap_or_default();
            break;
        }
        last = Some(entry.place());
    }
    let mut answer = pb::ListRolloutsResponse { next_page_token, ..pb::ListRolloutsResponse::default() };
    for alone in page.into_entries() {
        answer.rollouts.extend(alone.rollouts);
        answer.files.extend(alone.files);
    }
    Ok(answer)
}

/// Returns the token of the page after a place.
fn token((is_file, name): Place<'_>) -> String {
    format!("{}/{name}", if is_file { FILE } else { ROLLOUT })
}

/// Returns the place that a token stands for, or `None` for the first page.
fn place(token: &str) -> Result<Option<Place<'_>>, Failure> {
    if token.is_empty() {
        return Ok(None);
    }
    match token.split_once('/') {
        Some((ROLLOUT, name)) if ModelName::try_new(name).is_ok() => Ok(Some((false, name))),
        Some((FILE, name)) => Ok(Some((true, name))),
        _ => Err(unknown_page_token()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use marquee_domain::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::store::Document;

    /// Rollouts whose specifications have at least some bytes.
    fn board(rollouts: usize, bytes: usize) -> Board {
        let rollout = |number: usize| {
            let model = ModelName::try_new(&format!("model-{number}")).expect("valid");
            let spec = json!({"model": model.as_str(), "note": "x".repeat(bytes)});
            let document = Document::new(model.clone(), spec, Timestamp::EPOCH);
            (model, Arc::new(Rollout { document, stalled: None }))
        };
        (0..rollouts).map(rollout).collect()
    }

    fn files(count: usize) -> Vec<FileState> {
        let file = |number| FileState { name: format!("{number}.toml"), model: None, error: Some("is empty".into()) };
        (0..count).map(file).collect()
    }

    /// Reads all pages. Returns the number of entries of each, and the names of all entries.
    fn read(board: &Board, files: &[FileState], page_size: u32) -> (Vec<usize>, Vec<String>) {
        let (mut sizes, mut names, mut page_token) = (Vec::new(), Vec::new(), String::new());
        loop {
            let answer = page(board, files, &pb::ListRolloutsRequest { page_size, page_token }).expect("a page");
            sizes.push(answer.rollouts.len() + answer.files.len());
            names.extend(answer.rollouts.into_iter().map(|rollout| rollout.model));
            names.extend(answer.files.into_iter().map(|file| file.name));
            page_token = answer.next_page_token;
            if page_token.is_empty() {
                return (sizes, names);
            }
        }
    }

    #[test]
    fn pages_have_every_rollout_and_then_every_file_once() {
        let (board, files) = (board(5, 0), files(2));
        let all = ["model-0", "model-1", "model-2", "model-3", "model-4", "0.toml", "1.toml"].map(str::to_owned);
        for (page_size, sizes) in [(0, vec![7]), (3, vec![3, 3, 1]), (5, vec![5, 2]), (7, vec![7]), (1, vec![1; 7])] {
            assert_eq!(read(&board, &files, page_size), (sizes, all.to_vec()), "{page_size}");
        }
        assert_eq!(read(&Board::new(), &[], 0), (vec![0], Vec::new()));
    }

    #[test]
    fn a_page_has_at_most_three_mebibytes() {
        let (board, files) = (board(5, 1 << 20), files(1));
        let (sizes, names) = read(&board, &files, 0);
        assert_eq!((sizes, names.len()), (vec![2, 2, 2], 6));
    }

    #[test]
    fn a_page_goes_on_where_an_entry_is_gone() {
        let (mut board, files) = (board(3, 0), files(0));
        board.remove("model-1");
        let request = pb::ListRolloutsRequest { page_size: 0, page_token: token((false, "model-1")) };
        let answer = page(&board, &files, &request).expect("a page");
        assert_eq!(answer.rollouts.iter().map(|one| one.model.as_str()).collect::<Vec<_>>(), ["model-2"]);
    }

    #[test]
    fn a_token_stands_for_the_entry_that_it_was_made_from() {
        for at in [(false, "films-2"), (true, "films.toml"), (true, "")] {
            assert_eq!(place(&token(at)).expect("valid"), Some(at));
        }
        assert_eq!(place("").expect("the first page"), None);
        for wrong in ["films-2", "rollouts", "rollouts/", "rollouts/A", "rollouts/a/b", "/", "x/films"] {
            let refused = place(wrong).expect_err(wrong);
            assert_eq!(refused.violations()[0].field, "page_token", "{wrong}");
        }
    }
}
