//! What all requests for a page of a list have in common.

use marquee_domain::Reason;

use crate::Failure;

/// Returns the number of entries of the page that a request asks for. 0 stands for the default.
///
/// # Errors
/// The request asks for more than the most.
pub fn page_size(asked: u32, (default, most): (u32, u32)) -> Result<usize, Failure> {
    match asked {
        0 => Ok(default as usize),
        _ if asked <= most => Ok(asked as usize),
        _ => Err(Failure::field("page_size", Reason::TooMany, format!("is {asked}: ask for at most {most}"))),
    }
}

/// Returns the failure of a request whose token stands for no entry.
pub fn unknown_page_token() -> Failure {
    Failure::field("page_token", Reason::Malformed, "is not a token of an earlier answer: leave it out")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_size_has_a_default_and_a_bound() {
        let size = |asked| page_size(asked, (10_000, 10_000));
        assert_eq!([0, 1, 10_000].map(|asked| size(asked).expect("valid")), [10_000, 1, 10_000]);
        assert!(size(10_001).is_err());
    }
}
