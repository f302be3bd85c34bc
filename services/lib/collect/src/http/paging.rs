//! Where the records of a page are, and which page follows it.

use std::collections::BTreeMap;

use reqwest::Url;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Paging, Settings};

/// A page.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Place {
    /// The first page.
    #[default]
    Start,
    /// The page with this number.
    Page(u64),
    /// The page that begins at this record.
    Offset(u64),
    /// The page of a cursor.
    Cursor(String),
    /// The page at an address.
    Link(String),
}

/// What follows a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    /// Another page.
    Page(Place),
    /// Nothing now.
    End,
}

/// Returns the address of a page. `since` is a parameter with its value.
pub(super) fn address(settings: &Settings, place: &Place, since: Option<(&str, &Value)>) -> Result<Url, String> {
    let mut url = Url::parse(&settings.url).map_err(|error| error.to_string())?;
    if let Place::Link(link) = place {
        return url.join(link).map_err(|error| error.to_string());
    }
    let mut pairs: Vec<(&str, String)> = Vec::new();
    if let Some(parameter) = &settings.parameter {
        let value = match place {
            Place::Start if settings.paging == Paging::Page => Some(settings.first_page.to_string()),
            Place::Start if settings.paging == Paging::Offset => Some("0".to_owned()),
            Place::Page(number) | Place::Offset(number) => Some(number.to_string()),
            Place::Cursor(cursor) => Some(cursor.clone()),
            Place::Start | Place::Link(_) => None,
        };
        pairs.extend(value.map(|value| (parameter.as_str(), value)));
    }
    pairs.extend(settings.size_parameter.as_deref().map(|parameter| (parameter, settings.page_size.to_string())));
    pairs.extend(since.map(|(parameter, value)| (parameter, text(value))));
    if !pairs.is_empty() {
        url.query_pairs_mut().extend_pairs(pairs);
    }
    Ok(url)
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Returns the page after one with `count` records.
pub(super) fn next(
    settings: &Settings,
    place: &Place,
    url: &Url,
    (page, count, link): (&Value, u64, Option<&str>),
) -> Result<Next, String> {
    // A page that is not full is the last one now, and may get more records.
    let is_full = count >= settings.page_size;
    Ok(match settings.paging {
        Paging::None => Next::End,
        Paging::Page if is_full => {
            let number = if let Place::Page(number) = place { *number } else { settings.first_page };
            Next::Page(Place::Page(number + 1))
        }
        Paging::Offset if is_full => {
            let offset = if let Place::Offset(offset) = place { *offset } else { 0 };
            Next::Page(Place::Offset(offset + count))
        }
        Paging::Page | Paging::Offset => Next::End,
        Paging::Cursor => match settings.cursor.as_deref().and_then(|path| at(page, path)) {
            None | Some(Value::Null) => Next::End,
            Some(Value::String(cursor)) if cursor.is_empty() => Next::End,
            Some(cursor @ (Value::String(_) | Value::Number(_))) => {
                let cursor = Place::Cursor(text(cursor));
                // Some APIs repeat the last cursor when there is nothing behind it.
                if cursor == *place { Next::End } else { Next::Page(cursor) }
            }
            Some(_) => return Err("the next cursor is neither text nor a number".to_owned()),
        },
        Paging::Link => match link.and_then(next_link) {
            None => Next::End,
            Some(target) => {
                let target = url.join(&target).map_err(|error| format!("its header Link: {error}"))?;
                if target.origin() != url.origin() {
                    // A token must not be sent elsewhere.
                    return Err(format!(
                        "its header Link leads to another server, {}",
                        target.origin().ascii_serialization()
                    ));
                }
                if target == *url { Next::End } else { Next::Page(Place::Link(target.to_string())) }
            }
        },
    })
}

/// Returns the target of the relation `next` in a header `Link` (RFC 8288, section 3).
fn next_link(header: &str) -> Option<String> {
    let mut rest = header;
    while let Some(start) = rest.find('<') {
        let (target, behind) = rest.get(start + 1..)?.split_once('>')?;
        // Parameters reach to the next target.
        let parameters = behind.split('<').next().unwrap_or_default();
        let is_next = parameters.split([';', ',']).any(|parameter| {
            let Some((name, value)) = parameter.split_once('=') else { return false };
            let relations = value.trim().trim_matches('"');
            name.trim().eq_ignore_ascii_case("rel") && relations.split(' ').any(|one| one.eq_ignore_ascii_case("next"))
        });
        if is_next {
            return Some(target.to_owned());
        }
        rest = behind;
    }
    None
}

/// Returns the value at a path such as `meta.next`.
pub(super) fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(value, |value, key| match value {
        Value::Array(list) => list.get(key.parse::<usize>().ok()?),
        value => value.get(key),
    })
}

/// Returns the records of a page, each as its text.
pub(super) fn records<'a>(page: &'a [u8], path: Option<&str>) -> Result<Vec<&'a RawValue>, String> {
    let mut place: &RawValue = serde_json::from_slice(page).map_err(|error| format!("it is no JSON: {error}"))?;
    let fields =
        |value: &'a RawValue| serde_json::from_str::<BTreeMap<String, &'a RawValue>>(value.get()).unwrap_or_default();
    let list = |value: &'a RawValue| serde_json::from_str::<Vec<&'a RawValue>>(value.get()).ok();
    if let Some(path) = path {
        for key in path.split('.') {
            let found = fields(place).remove(key);
            place = found.ok_or_else(|| format!("it has no {path}; see `records`"))?;
        }
        return list(place).ok_or_else(|| format!("{path} is no list of records; see `records`"));
    }
    if let Some(records) = list(place) {
        return Ok(records);
    }
    let mut lists: Vec<Vec<&RawValue>> = fields(place).into_values().filter_map(list).collect();
    match (lists.pop(), lists.is_empty()) {
        (Some(records), true) => Ok(records),
        (Some(_), false) => Err("it has several lists; name that of the records in `records`".to_owned()),
        (None, _) => Err("it has no list of records; give its path in `records`".to_owned()),
    }
}

/// Returns the newer of two watermarks. Numbers are compared as such, texts by their letters, which
/// is right for ISO 8601 in one zone.
pub(super) fn newer(known: Option<Value>, seen: Option<Value>) -> Option<Value> {
    match (known, seen) {
        (None, seen) => seen,
        (known, None) => known,
        (Some(known), Some(seen)) => {
            let is_newer = match (known.as_f64(), seen.as_f64()) {
                (Some(known), Some(seen)) => seen > known,
                _ => text(&seen) > text(&known),
            };
            Some(if is_newer { seen } else { known })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_link_is_found_among_others() {
        let header = r#"<https://a/r?page=1>; rel="first", </r?page=3&x=<>; title="n, x"; rel="last NEXT""#;
        assert_eq!(
            next_link(r#"<https://a/r?page=1>; rel="prev", </r?page=3>; rel=next"#),
            Some("/r?page=3".to_owned())
        );
        assert_eq!(next_link(r#"<https://a/r?page=1>; rel="prev""#), None);
        assert!(next_link(header).is_some());
        assert_eq!(next_link("nonsense"), None);
    }

    #[test]
    fn records_are_the_page_or_its_only_list_or_at_a_path() {
        let texts = |page: &str, path| {
            records(page.as_bytes(), path).map(|list| list.iter().map(|one| one.get().to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(texts("[1, {\"a\":  2}]", None), Ok(vec!["1".to_owned(), "{\"a\":  2}".to_owned()]));
        assert_eq!(texts(r#"{"n": 1, "items": [1]}"#, None), Ok(vec!["1".to_owned()]));
        assert_eq!(texts(r#"{"d": {"items": [1]}, "x": []}"#, Some("d.items")), Ok(vec!["1".to_owned()]));
        assert!(texts(r#"{"a": [], "b": []}"#, None).is_err_and(|error| error.contains("several")));
        assert!(texts(r#"{"a": 1}"#, None).is_err() && texts(r#"{"a": 1}"#, Some("a")).is_err());
        assert!(texts("nothing", None).is_err());
    }

    #[test]
    fn watermarks_are_compared_as_numbers_or_as_texts() {
        let newer = |one: Value, other: Value| newer(Some(one), Some(other)).expect("one");
        assert_eq!(newer(9.into(), 10.into()), Value::from(10));
        assert_eq!(newer("2024-02".into(), "2024-01".into()), Value::from("2024-02"));
    }
}
