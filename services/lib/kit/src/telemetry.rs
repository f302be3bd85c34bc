//! Logs for people or for machines, and traces over OTLP when an endpoint is configured.
//!
//! The tracing subscriber is process-wide, so only a binary calls [`start`]. Libraries use
//! `tracing`, and the functions of this module that carry the trace context through calls and
//! through the log.

use std::io::IsTerminal;

use marquee_settings::{Invalid, Validate};
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::WithExportConfig;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// The settings of logs and traces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// What to log: a level (`error`, `warn`, `info`, `debug`, `trace`), or directives such as
    /// `info,marquee_inference=debug`. Default `info`.
    pub log: String,
    /// `auto` (for people on a terminal, otherwise JSON), `human` or `json`. Default `auto`.
    pub format: Format,
    /// The endpoint that receives traces (OTLP over gRPC), for example `http://127.0.0.1:4317`.
    /// Empty, the default: no traces are sent.
    pub otlp_endpoint: String,
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// For people on a terminal, otherwise JSON.
    #[default]
    Auto,
    /// Lines for people.
    Human,
    /// One JSON object on each line.
    Json,
}

impl Default for Settings {
    fn default() -> Self {
        Self { log: "info".to_owned(), format: Format::Auto, otlp_endpoint: String::new() }
    }
}

impl Validate for Settings {
    fn validate(&self) -> Result<(), Invalid> {
        let expected = "expected a level such as info, or directives such as info,marquee_inference=debug";
        filter(&self.log).map_err(|error| Invalid::new("log", format!("{error}; {expected}")))?;
        let has_scheme = ["http://", "https://"].iter().any(|scheme| self.otlp_endpoint.starts_with(scheme));
        Invalid::unless(
            self.otlp_endpoint.is_empty() || has_scheme,
            "otlp_endpoint",
            "is not an address; expected http://HOST:PORT",
        )
    }
}

/// Parses a log filter. A single word must be a level. The parser would take a misspelled level for
/// the name of a module, and then nothing would be logged.
fn filter(text: &str) -> Result<EnvFilter, FilterError> {
    let is_level = |word: &str| LEVELS.contains(&word.to_ascii_lowercase().as_str());
    let words = text.split(',').map(str::trim);
    for word in words.filter(|word| !word.is_empty() && !word.contains(['=', ':', '[', '_'])) {
        if !is_level(word) {
            return Err(FilterError::Level(word.to_owned()));
        }
    }
    EnvFilter::try_new(text).map_err(FilterError::Syntax)
}

const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];

/// A log filter does not parse.
#[derive(Debug, Error)]
pub enum FilterError {
    /// A word is not a level.
    #[error("'{0}' is not a level")]
    Level(String),
    /// The directives do not parse.
    #[error("the directives do not parse")]
    Syntax(#[source] tracing_subscriber::filter::ParseError),
}

/// Telemetry could not be started.
#[derive(Debug, Error)]
pub enum Error {
    /// The filter does not parse.
    #[error("telemetry.log: is not a log filter")]
    Filter(#[source] FilterError),
    /// The exporter could not be created.
    #[error("telemetry.otlp_endpoint: is not an address; expected http://HOST:PORT")]
    Exporter(#[source] opentelemetry_otlp::ExporterBuildError),
    /// A tracing subscriber was set before.
    #[error("telemetry was started twice in one process")]
    Twice(#[source] tracing_subscriber::util::TryInitError),
}

/// Keeps telemetry running. [`Guard::shutdown`] sends the remaining spans.
#[derive(Debug)]
pub struct Guard(Option<SdkTracerProvider>);

impl Guard {
    /// Sends the spans that are still waiting.
    pub fn shutdown(self) {
        if let Some(provider) = self.0
            && let Err(error) = provider.shutdown()
        {
            tracing::debug!(%error, "the last spans were not sent");
        }
    }
}

/// Starts logs on standard error and, if an endpoint is configured, traces.
pub fn start(settings: &Settings, service: &'static str) -> Result<Guard, Error> {
    let filter = filter(&settings.log).map_err(Error::Filter)?;
    let json = match settings.format {
        Format::Json => true,
        Format::Human => false,
        Format::Auto => !std::io::stderr().is_terminal(),
    };
    let (human_layer, json_layer) = if json {
        let layer = tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(std::io::stderr);
        (None, Some(layer))
    } else {
        let ansi = std::io::stderr().is_terminal();
        (Some(tracing_subscriber::fmt::layer().with_ansi(ansi).with_writer(std::io::stderr)), None)
    };
    let provider = match settings.otlp_endpoint.as_str() {
        "" => None,
        endpoint => {
            let exporter = opentelemetry_otlp::SpanExporter::builder()
                .with_tonic()
                .with_endpoint(endpoint)
                .build()
                .map_err(Error::Exporter)?;
            let resource = Resource::builder().with_service_name(service).build();
            Some(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build())
        }
    };
    let traces =
        provider.as_ref().map(|provider| tracing_opentelemetry::layer().with_tracer(provider.tracer("marquee")));
    tracing_subscriber::registry()
        .with(filter)
        .with(traces)
        .with(human_layer)
        .with(json_layer)
        .try_init()
        .map_err(Error::Twice)?;
    Ok(Guard(provider))
}

struct Inject(Option<String>);

impl Injector for Inject {
    fn set(&mut self, key: &str, value: String) {
        if key == "traceparent" {
            self.0 = Some(value);
        }
    }
}

/// Returns the W3C `traceparent` of the current span, for a call or for the header of a record.
/// Returns `None` when there is no trace.
pub fn traceparent() -> Option<String> {
    let mut inject = Inject(None);
    TraceContextPropagator::new().inject_context(&Span::current().context(), &mut inject);
    inject.0
}

struct Extract<'a>(&'a str);

impl Extractor for Extract<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        (key == "traceparent").then_some(self.0)
    }

    fn keys(&self) -> Vec<&str> {
        vec!["traceparent"]
    }
}

/// Makes a span a child of the trace in a `traceparent`, which comes from a caller or from a
/// record. Without one the span starts a trace of its own.
pub fn continue_trace<'a>(span: &Span, header: impl FnOnce(&'static str) -> Option<&'a str>) {
    if let Some(parent) = header("traceparent") {
        // A span that is not traced takes no parent. That is not an error.
        let _ = span.set_parent(TraceContextPropagator::new().extract(&Extract(parent)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelled_level_is_refused() {
        let check = |log: &str| Settings { log: log.to_owned(), ..Settings::default() }.validate();
        for right in
            ["info", "INFO", "off", "", "info,marquee_inference=debug", "marquee_ingest", "warn,[request]=trace"]
        {
            assert_eq!(check(right), Ok(()), "{right}");
        }
        let error = check("inof").expect_err("refused").to_string();
        assert!(error.starts_with("log: 'inof' is not a level; expected a level such as info"), "{error}");
        assert!(check("very=loud").is_err());
        let wrong = Settings { otlp_endpoint: "somewhere".to_owned(), ..Settings::default() };
        assert_eq!(wrong.validate().expect_err("refused").key(), "otlp_endpoint");
    }
}
