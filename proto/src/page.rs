//! Pages of a list that every gRPC client accepts: clients refuse answers over 4 MiB unless they
//! are told otherwise.

use prost::Message;

/// The most bytes of the entries of a page.
pub const PAGE_BYTES: usize = 3 << 20;

/// The bytes of an entry's tag and length in the list.
const ENTRY: usize = 8;

/// A page that is being filled.
#[derive(Debug)]
pub struct Page<T> {
    entries: Vec<T>,
    most: usize,
    bytes: usize,
}

impl<T: Message> Page<T> {
    /// Creates an empty page for at most `most` entries.
    pub fn new(most: usize) -> Self {
        Self { entries: Vec::new(), most, bytes: 0 }
    }

    /// Adds an entry, unless the page is full. The first entry always fits, so that pages make
    /// progress. Returns whether it was added.
    pub fn add(&mut self, entry: T) -> bool {
        let bytes = self.bytes + entry.encoded_len() + ENTRY;
        let fits = self.entries.is_empty() || self.entries.len() < self.most && bytes <= PAGE_BYTES;
        if fits {
            self.bytes = bytes;
            self.entries.push(entry);
        }
        fits
    }

    /// Returns the last entry, or `None` for an empty page.
    pub fn last(&self) -> Option<&T> {
        self.entries.last()
    }

    /// Returns the entries.
    pub fn into_entries(self) -> Vec<T> {
        self.entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ratings::v1::Movie;

    fn movie(bytes: usize) -> Movie {
        Movie { title: "x".repeat(bytes), ..Movie::default() }
    }

    #[test]
    fn a_page_is_full_by_its_count_or_its_bytes() {
        let mut page = Page::new(2);
        assert_eq!([1, 2, 3].map(|bytes| page.add(movie(bytes))), [true, true, false]);
        assert_eq!(page.last(), Some(&movie(2)));
        let mut page = Page::new(10_000);
        let added = (0..10_000).take_while(|_| page.add(movie(1_000))).count();
        assert!((2_900..3_200).contains(&added), "{added}");
        let bytes: usize = page.into_entries().iter().map(Message::encoded_len).sum();
        assert!(bytes <= PAGE_BYTES, "{bytes}");
    }

    #[test]
    fn the_first_entry_always_fits() {
        let mut page = Page::new(0);
        assert!(page.add(movie(PAGE_BYTES)));
        assert!(!page.add(movie(0)));
    }
}
