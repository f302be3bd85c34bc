//! Titles in the form of MovieLens: `Toy Story (1995)`.

/// Splits the year from a title such as `Toy Story (1995)` or `Babylon 5 (1994–1998)`.
pub(super) fn split(title: &str) -> (&str, Option<i32>) {
    let title = title.trim();
    let Some((before, years)) = title.strip_suffix(')').and_then(|title| title.rsplit_once('(')) else {
        return (title, None);
    };
    let years = years.trim();
    let Some((first, rest)) = years.split_at_checked(4) else {
        return (title, None);
    };
    let span = rest.is_empty() || rest.chars().all(|c| matches!(c, '-' | '–' | ' ') || c.is_ascii_digit());
    match year(first) {
        Some(year) if span => (before.trim_end(), Some(year)),
        _ => (title, None),
    }
}

/// Returns the year of a date such as `01-Jan-1995` or `1995-01-01`.
pub(super) fn year_of_date(date: &str) -> Option<i32> {
    let date = date.trim();
    let last = date.rsplit('-').next().and_then(year);
    last.or_else(|| date.split('-').next().and_then(year))
}

fn year(text: &str) -> Option<i32> {
    let digits = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_year_is_split_off() {
        for (title, expected) in [
            ("Toy Story (1995)", ("Toy Story", Some(1995))),
            (
                "Shanghai Triad (Yao a yao yao dao waipo qiao) (1995) ",
                ("Shanghai Triad (Yao a yao yao dao waipo qiao)", Some(1995)),
            ),
            ("Babylon 5 (1994–1998)", ("Babylon 5", Some(1994))),
            ("Fawlty Towers (1975-1979)", ("Fawlty Towers", Some(1975))),
            ("Amélie", ("Amélie", None)),
            ("Malice (Director's Cut)", ("Malice (Director's Cut)", None)),
            ("(é)", ("(é)", None)),
            ("", ("", None)),
        ] {
            assert_eq!(split(title), expected);
        }
    }

    #[test]
    fn the_year_of_a_date_stands_at_either_end() {
        assert_eq!(year_of_date("01-Jan-1995"), Some(1995));
        assert_eq!(year_of_date("1995-02-01"), Some(1995));
        assert_eq!(year_of_date(""), None);
    }
}
