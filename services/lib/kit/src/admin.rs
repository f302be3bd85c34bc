//! The admin pages for platforms: `/metrics`, `/livez` and `/readyz`.

use axum::Json;
use axum::Router;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use serde::Serialize;

use crate::{CheckState, Context, Health};

/// A check in the form that `/readyz` shows.
#[derive(Serialize)]
struct Shown {
    ready: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// The admin pages of a process.
pub fn admin_routes(context: &Context) -> Router {
    let metrics = context.metrics.clone();
    let health = context.health.clone();
    Router::new().route("/livez", get(|| async { "ok\n" })).route("/readyz", get(move || readyz(health.clone()))).route(
        "/metrics",
        get(move |headers: HeaderMap| {
            let (content_type, text) = page(&headers, metrics.text());
            async move { ([(header::CONTENT_TYPE, content_type)], text) }
        }),
    )
}

/// Returns the metrics in the form that the client prefers: OpenMetrics if it asks for it,
/// otherwise the text format of Prometheus.
fn page(headers: &HeaderMap, open_metrics: String) -> (&'static str, String) {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if accept.contains("application/openmetrics-text") {
        return ("application/openmetrics-text; version=1.0.0; charset=utf-8", open_metrics);
    }
    ("text/plain; version=0.0.4; charset=utf-8", prometheus_text(&open_metrics))
}

/// Converts OpenMetrics to the text format of Prometheus. There the name of a counter has its
/// `_total` in the comments too, and there are neither units nor an end mark.
fn prometheus_text(open_metrics: &str) -> String {
    let mut counters = std::collections::BTreeSet::new();
    for line in open_metrics.lines() {
        let family = line.strip_prefix("# TYPE ").and_then(|rest| rest.strip_suffix(" counter"));
        counters.extend(family);
    }
    let mut text = String::with_capacity(open_metrics.len());
    for line in open_metrics.lines().filter(|line| !line.starts_with("# UNIT ") && *line != "# EOF") {
        let mut words = line.splitn(4, ' ');
        let (hash, kind, family, rest) = (words.next(), words.next(), words.next(), words.next());
        match (hash, kind, family, rest) {
            (Some("#"), Some(kind), Some(family), Some(rest)) if counters.contains(family) => {
                text.push_str(&format!("# {kind} {family}_total {rest}"));
            }
            (Some("#"), Some("TYPE"), Some(family), Some("unknown")) => {
                text.push_str(&format!("# TYPE {family} untyped"));
            }
            _ => text.push_str(line),
        }
        text.push('\n');
    }
    text
}

async fn readyz(health: Health) -> impl IntoResponse {
    let checks: std::collections::BTreeMap<_, _> = health
        .states()
        .into_iter()
        .map(|(service, state)| match state {
            CheckState::Ready => (service, Shown { ready: true, reason: None }),
            CheckState::NotReady(why) => (service, Shown { ready: false, reason: Some(why) }),
        })
        .collect();
    let status = if health.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(checks))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_does_not_ask_for_open_metrics_gets_the_format_of_prometheus() {
        let open = "# HELP marquee_a A things.\n# TYPE marquee_a counter\nmarquee_a_total 3\n# HELP marquee_b B.\n\
                    # TYPE marquee_b gauge\nmarquee_b 1\n# EOF\n";
        let (content_type, text) = page(&HeaderMap::new(), open.to_owned());
        assert_eq!(content_type, "text/plain; version=0.0.4; charset=utf-8");
        let expected = "# HELP marquee_a_total A things.\n# TYPE marquee_a_total counter\nmarquee_a_total 3\n\
                        # HELP marquee_b B.\n# TYPE marquee_b gauge\nmarquee_b 1\n";
        assert_eq!(text, expected);
        let mut headers = HeaderMap::new();
        let accept = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.4";
        headers.insert(header::ACCEPT, accept.parse().expect("a header"));
        let (content_type, text) = page(&headers, open.to_owned());
        assert!(content_type.starts_with("application/openmetrics-text") && text == open);
    }
}
