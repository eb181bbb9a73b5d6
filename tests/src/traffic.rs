//! What the kernel knows of the traffic to one server, whatever the proxy says of it.
//!
//! Read from `/proc/self/net`, a few hundred times a second. In a network of the test's own nobody else's
//! traffic is among it.

use crate::{Failure, wait};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What shows that a request went to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// A connection that was refused or reset, of anybody in this network.
    Refusals,
    /// Bytes that the server's kernel has and the server does not read.
    Unread,
    /// Bytes to the server that are not acknowledged.
    Unacknowledged,
}

/// Watches one server.
#[derive(Debug)]
pub struct Traffic {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Vec<Instant>>,
}

impl Traffic {
    /// Watches the server on `port` for this sign from now on.
    #[must_use]
    pub fn watch(port: u16, sign: Sign) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let (mut seen, mut before) = (Vec::new(), look(port, sign));
            while !stopped.load(Ordering::Relaxed) {
                wait::pause(PERIOD);
                let now = look(port, sign);
                let grown =
                    |(key, count): (&u64, &u64)| *count > before.get(key).copied().unwrap_or(0);
                let requests = match sign {
                    // A counter: as many as it has grown by.
                    Sign::Refusals => {
                        let count = |map: &HashMap<u64, u64>| map.get(&0).copied().unwrap_or(0);
                        count(&now).saturating_sub(count(&before))
                    }
                    _ => now
                        .iter()
                        .filter(|&(key, count)| grown((key, count)))
                        .count() as u64,
                };
                seen.extend((0..requests).map(|_| Instant::now()));
                before = now;
            }
            seen
        });
        Self { stop, thread }
    }

    /// When a request was seen.
    ///
    /// # Errors
    /// When the watch has ended early.
    pub fn seen(self) -> Result<Vec<Instant>, Failure> {
        self.stop.store(true, Ordering::Relaxed);
        let seen = self.thread.join();
        seen.map_err(|_| Failure::answer("watch the traffic", "a panic"))
    }
}

/// The time of the last request of a crowd: four within 100 ms. Fewer are a probe, whose reset both ends
/// count.
#[must_use]
pub fn last_of_a_crowd(seen: &[Instant]) -> Option<Instant> {
    let near =
        |four: &[Instant]| matches!(four, [a, .., b] if *b - *a <= Duration::from_millis(100));
    let crowds = seen.windows(4).filter(|four| near(four));
    crowds.filter_map(|four| four.last().copied()).next_back()
}

/// By connection (the client's port) the bytes that are the sign; for refusals one counter.
fn look(port: u16, sign: Sign) -> HashMap<u64, u64> {
    if sign == Sign::Refusals {
        return HashMap::from([(0, refusals())]);
    }
    let own = format!(":{port:04X}");
    let table = std::fs::read_to_string("/proc/self/net/tcp").unwrap_or_default();
    let hex = |text: &str| u64::from_str_radix(text, 16).ok();
    let waiting = |line: &str| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let (local, remote, state) = (fields.next()?, fields.next()?, fields.next()?);
        let (sending, reading) = fields.next()?.split_once(':')?;
        let (server, client, bytes) = match sign {
            Sign::Unread => (local, remote, reading),
            _ => (remote, local, sending),
        };
        let client = hex(client.split_once(':')?.1)?;
        (state == ESTABLISHED && server.ends_with(&own)).then_some((client, hex(bytes)?))
    };
    table.lines().filter_map(waiting).collect()
}

/// Connections that were refused or reset (`AttemptFails` and `EstabResets` of RFC 1213).
fn refusals() -> u64 {
    let text = std::fs::read_to_string("/proc/self/net/snmp").unwrap_or_default();
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("Tcp: "));
    let (Some(names), Some(values)) = (lines.next(), lines.next()) else {
        return 0;
    };
    let fields = names.split(' ').zip(values.split(' '));
    fields
        .filter(|(name, _)| ["AttemptFails", "EstabResets"].contains(name))
        .filter_map(|(_, value)| value.parse::<u64>().ok())
        .sum()
}

const ESTABLISHED: &str = "01";
const PERIOD: Duration = Duration::from_millis(4);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_now_and_then_is_no_crowd() {
        let start = Instant::now();
        let at = |ms: &[u64]| {
            ms.iter()
                .map(|ms| start + Duration::from_millis(*ms))
                .collect::<Vec<_>>()
        };
        assert_eq!(last_of_a_crowd(&at(&[])), None);
        assert_eq!(last_of_a_crowd(&at(&[0, 500, 501, 502, 1000])), None);
        let seen = at(&[0, 10, 30, 40, 500, 501, 1000]);
        assert_eq!(last_of_a_crowd(&seen), Some(seen[3]));
    }
}
