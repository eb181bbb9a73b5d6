//! Waiting with a deadline; the only place of the harness that sleeps.

use crate::Failure;
use std::time::{Duration, Instant};

/// Asks `probe` until it gives a value, at most for `limit`; the last refusal is the evidence.
///
/// # Errors
/// [`Failure::Deadline`] when the time is up.
pub fn until<T>(
    what: &str,
    limit: Duration,
    mut probe: impl FnMut() -> Result<T, String>,
) -> Result<T, Failure> {
    let started = Instant::now();
    loop {
        match probe() {
            Ok(value) => return Ok(value),
            Err(evidence) if started.elapsed() >= limit => {
                return Err(Failure::Deadline {
                    what: what.to_owned(),
                    limit,
                    evidence,
                });
            }
            Err(_) => std::thread::sleep(POLL),
        }
    }
}

/// Like [`until`] for a condition without a value.
///
/// # Errors
/// [`Failure::Deadline`] when the time is up.
pub fn until_true(
    what: &str,
    limit: Duration,
    mut probe: impl FnMut() -> bool,
) -> Result<(), Failure> {
    until(what, limit, || {
        if probe() {
            Ok(())
        } else {
            Err("the condition is false".to_owned())
        }
    })
}

/// Waits for no condition: the pace of a load, or the length of a fault.
pub fn pause(length: Duration) {
    std::thread::sleep(length);
}

const POLL: Duration = Duration::from_millis(10);
