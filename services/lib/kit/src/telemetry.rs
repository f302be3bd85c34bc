//! Logs for people or for machines, and traces over OTLP when an endpoint is configured.
//!
//! The tracing subscriber is process-wide, so only a binary calls [`start`]. Libraries use
//! `tracing`, and the functions of this module that carry the trace context through calls and
//! through the log.

use std::fmt;
use std::io::IsTerminal;
use std::time::Duration;

use marquee_settings::{Invalid, Validate, redact};
use opentelemetry::KeyValue;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::WithExportConfig;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::resource::{EnvResourceDetector, ResourceDetector as _, TelemetryResourceDetector};
use opentelemetry_sdk::trace::SdkTracerProvider;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tracing::{Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::is_http_address;

/// The settings of logs and traces.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// What to log: a level (`error`, `warn`, `info`, `debug`, `trace`), or directives such as
    /// `info,marquee_inference=debug`. Default `info`.
    pub log: String,
    /// `auto` (for people on a terminal, otherwise JSON), `human` or `json`. Default `auto`.
    pub format: Format,
    /// The endpoint that receives traces (OTLP over gRPC), for example `http://127.0.0.1:4317`. A
    /// process of one role is the service `marquee-ROLE` there, for example `marquee-inference`,
    /// and a whole fleet is `marquee`. The variables `OTEL_SERVICE_NAME` and
    /// `OTEL_RESOURCE_ATTRIBUTES` replace this name and add attributes. Empty, the default: no
    /// traces are sent.
    pub otlp_endpoint: String,
}

/// The derived output would show a password in the address.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("log", &redact(&self.log))
            .field("format", &self.format)
            .field("otlp_endpoint", &redact(&self.otlp_endpoint))
            .finish()
    }
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
        Invalid::unless(
            self.otlp_endpoint.is_empty() || is_http_address(&self.otlp_endpoint),
            "otlp_endpoint",
            "is not an address; expected http://HOST:PORT",
        )
    }
}

/// Parses a log filter. A single word must be a level or a module of this project. The parser would
/// take a misspelled level for the name of a module, and then nothing would be logged.
fn filter(text: &str) -> Result<EnvFilter, FilterError> {
    let is_level = |word: &str| LEVELS.contains(&word.to_ascii_lowercase().as_str());
    let words = text.split(',').map(str::trim);
    for word in words.filter(|word| !word.is_empty() && !word.contains(['=', '['])) {
        if !is_level(word) && !word.starts_with("marquee") {
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

/// The longest time that sending the last spans may take.
pub const LAST_SPANS: Duration = Duration::from_millis(300);

/// Keeps telemetry running. [`Guard::shutdown`] sends the remaining spans.
#[derive(Debug)]
pub struct Guard(Option<SdkTracerProvider>);

impl Guard {
    /// Sends the spans that are still waiting, if the endpoint takes them within [`LAST_SPANS`].
    pub fn shutdown(self) {
        if let Some(provider) = self.0
            && let Err(error) = provider.shutdown_with_timeout(LAST_SPANS)
        {
            tracing::debug!(%error, "the last spans were not sent");
        }
    }
}

/// Starts logs on standard error and, if an endpoint is configured, traces. `service` is the name
/// of the process in traces, unless the environment has another one.
pub fn start(settings: &Settings, service: &str) -> Result<Guard, Error> {
    let filter = filter(&settings.log).map_err(Error::Filter)?;
    let json = match settings.format {
        Format::Json => true,
        Format::Human => false,
        Format::Auto => !std::io::stderr().is_terminal(),
    };
    let (human_layer, json_layer) = if json {
        (None, Some(json_lines(std::io::stderr)))
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
            let named = std::env::var("OTEL_SERVICE_NAME").ok();
            let resource = resource(service, &EnvResourceDetector::new().detect(), named);
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

/// Describes the process in traces. As OpenTelemetry specifies it, `given` (the attributes in
/// `OTEL_RESOURCE_ATTRIBUTES`) replace those of the program, and `named` (`OTEL_SERVICE_NAME`)
/// replaces the name that both of them have.
fn resource(service: &str, given: &Resource, named: Option<String>) -> Resource {
    let own = [
        KeyValue::new("service.name", service.to_owned()),
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
    ];
    let builder = Resource::builder_empty()
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_attributes(own)
        .with_attributes(given.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone())));
    match named.filter(|name| !name.is_empty()) {
        Some(name) => builder.with_service_name(name).build(),
        None => builder.build(),
    }
}

/// Writes each event as one JSON object. The list of its spans ends with the current one, which is
/// not repeated beside it.
fn json_lines<S, W>(writer: W) -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + 'static,
{
    tracing_subscriber::fmt::layer().json().flatten_event(true).with_current_span(false).with_writer(writer)
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
    use std::io::Write;
    use std::sync::{Arc, Mutex};

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
        for wrong in
            ["very=loud", "in_fo", "info,dbeug", "info, marquee_ingest=dbeug", "[", "info,hyper_util", "http://host:1"]
        {
            assert!(check(wrong).is_err(), "{wrong}");
        }
        for endpoint in ["somewhere", "http://", "ftp://host:1", "http:// host:1"] {
            let wrong = Settings { otlp_endpoint: endpoint.to_owned(), ..Settings::default() };
            assert_eq!(wrong.validate().expect_err(endpoint).key(), "otlp_endpoint");
        }
    }

    #[test]
    fn a_password_in_the_address_is_not_shown() {
        let settings = Settings { otlp_endpoint: "http://me:hunter2@host:4317".to_owned(), ..Settings::default() };
        assert_eq!(settings.validate(), Ok(()));
        assert!(!format!("{settings:?}").contains("hunter2"));
    }

    #[test]
    fn the_environment_may_name_a_process_in_traces_and_describe_it() {
        let of = |given: &[(&'static str, &'static str)], named: Option<&str>| {
            let given = given.iter().map(|(key, value)| KeyValue::new(*key, *value));
            let given = Resource::builder_empty().with_attributes(given).build();
            let resource = resource("marquee-inference", &given, named.map(str::to_owned));
            let value = move |key: &'static str| resource.get(&key.into()).map(|value| value.to_string());
            ["service.name", "service.version", "k8s.pod.name"].map(value)
        };
        let text = |text: &str| Some(text.to_owned());
        let version = text(env!("CARGO_PKG_VERSION"));
        assert_eq!(of(&[], None), [text("marquee-inference"), version.clone(), None]);
        assert_eq!(of(&[], Some("")), [text("marquee-inference"), version.clone(), None]);
        let given = [("k8s.pod.name", "inference-0"), ("service.name", "shop")];
        assert_eq!(of(&given, None), [text("shop"), version.clone(), text("inference-0")]);
        assert_eq!(of(&given, Some("ratings")), [text("ratings"), version, text("inference-0")]);
    }

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("a lock").write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_json_line_names_every_span_once() {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::registry().with(json_lines(move || writer.clone()));
        tracing::subscriber::with_default(subscriber, || {
            let _outer = tracing::info_span!("outer", batch = 1).entered();
            let _inner = tracing::info_span!("inner", row = 2).entered();
            tracing::info!(count = 3, "done");
        });
        let text = String::from_utf8(lines.0.lock().expect("a lock").clone()).expect("UTF-8");
        assert_eq!(text.matches("inner").count(), 1, "{text}");
        let line: serde_json::Value = serde_json::from_str(&text).expect("one JSON line");
        assert_eq!(serde_json::json!([line["count"], line["message"]]), serde_json::json!([3, "done"]));
        assert_eq!(line["spans"], serde_json::json!([{"name": "outer", "batch": 1}, {"name": "inner", "row": 2}]));
    }
}
