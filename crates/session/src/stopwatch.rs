//! How long a server took for the first byte of an answer: measured where it says something about the server.

use std::time::{Duration, Instant};

/// The measurement of one exchange. It is no part of what is written down when the exchange moves to
/// another process: then nothing is learned from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Stopwatch {
    /// Nobody asks.
    #[default]
    Off,
    /// It starts when the request is sent.
    Set,
    /// It runs since then.
    Running(Instant),
    /// So long it took, up to this moment.
    Stopped(Duration, Instant),
}

impl Stopwatch {
    /// The request goes out now.
    pub(crate) fn start(&mut self) {
        if *self == Self::Set {
            *self = Self::Running(Instant::now());
        }
    }

    /// Something of the answer has come.
    pub(crate) fn stop(&mut self) {
        if let Self::Running(since) = *self {
            let now = Instant::now();
            *self = Self::Stopped(now.saturating_duration_since(since), now);
        }
    }
}
