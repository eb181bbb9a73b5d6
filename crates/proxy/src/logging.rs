//! The log: one line an event on stderr, for people or as JSON.

use crate::config::Settings;
use tracing::level_filters::LevelFilter;

/// Sends the events of this process to stderr as the configuration says.
pub(crate) fn start(settings: &Settings) {
    let builder = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_target(false)
        // Complaints about the log go to stderr as well, where a broken pipe would be a panic.
        .log_internal_errors(false)
        .with_max_level(level(settings.syslog_level.as_str()));
    let started = if settings.log_format.as_str() == "json" {
        builder.json().flatten_event(true).try_init()
    } else {
        builder.with_ansi(false).try_init()
    };
    // A second start in one process (tests) keeps the first one's form.
    started.ok();
}

/// `OBProxy`'s levels: EDIAG and WDIAG stand between INFO and TRACE and are meant for its developers.
fn level(name: &str) -> LevelFilter {
    match name {
        "error" | "user_err" => LevelFilter::ERROR,
        "warn" => LevelFilter::WARN,
        "trace" | "debug" => LevelFilter::DEBUG,
        _ => LevelFilter::INFO,
    }
}
