//! The faults of one node as its sessions feel them.

use crate::error::SqlError;
use crate::fault::{ErrorsOn, Fault};
use parking_lot::{Condvar, Mutex};
use rustix::net::{RecvFlags, recv};
use std::io;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

/// How often a session that hangs looks whether its client is still there.
const LOOK: Duration = Duration::from_millis(20);

/// The longest that a slow server keeps an answer back.
const SLOWEST: Duration = Duration::from_mins(1);

/// How far a server's clock is off, in microseconds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Clock(Arc<AtomicI64>);

impl Clock {
    pub(crate) fn offset_micros(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self, seconds: i64) {
        self.0.store(seconds * 1_000_000, Ordering::Relaxed);
    }
}

/// What a session has sent since the fault began.
#[derive(Debug, Default)]
pub(crate) struct Spent {
    epoch: u64,
    bytes: u64,
}

#[derive(Debug, Default)]
struct State {
    /// Grows with each change, so that sessions count anew.
    epoch: u64,
    faults: Vec<Fault>,
}

/// The faults that a node brings about itself.
#[derive(Debug, Default)]
pub(crate) struct Conditions {
    state: Mutex<State>,
    changed: Condvar,
    pub(crate) clock: Clock,
}

impl Conditions {
    /// These faults from now on, instead of all before.
    pub(crate) fn set(&self, faults: Vec<Fault>) {
        let offset = faults.iter().find_map(|fault| match fault {
            Fault::Clock { offset_s } => Some(*offset_s),
            _ => None,
        });
        self.clock.set(offset.unwrap_or(0));
        let mut state = self.state.lock();
        state.epoch += 1;
        state.faults = faults;
        drop(state);
        self.changed.notify_all();
    }

    /// The faults, with the errors that are still to come.
    pub(crate) fn faults(&self) -> Vec<Fault> {
        self.state.lock().faults.clone()
    }

    pub(crate) fn has(&self, fault: &Fault) -> bool {
        self.state
            .lock()
            .faults
            .iter()
            .any(|own| own.is_like(fault))
    }

    /// Keeps an answer back that took `took` to make, for as long as the server is slow.
    pub(crate) fn linger(&self, took: Duration) {
        let mut state = self.state.lock();
        let epoch = state.epoch;
        let end = Instant::now() + (took * (slowness(&state) - 1)).min(SLOWEST);
        while state.epoch == epoch && Instant::now() < end {
            self.changed.wait_until(&mut state, end);
        }
    }

    /// The error that the next statement or login gets, if one is due.
    pub(crate) fn next_error(&self, wanted: ErrorsOn) -> Option<SqlError> {
        let mut state = self.state.lock();
        let found = state.faults.iter_mut().find_map(|fault| match fault {
            Fault::Errors { code, count, on } if *on == wanted && *count > 0 => {
                *count -= 1;
                Some(*code)
            }
            _ => None,
        });
        let spent = |fault: &Fault| matches!(fault, Fault::Errors { count: 0, .. });
        state.faults.retain(|fault| !spent(fault));
        found.map(|code| SqlError::new(code, scripted_text(code)))
    }

    /// How many of `wanted` bytes may be sent; waits while none may.
    ///
    /// # Errors
    /// When the client has gone away meanwhile.
    pub(crate) fn admit(
        &self,
        spent: &mut Spent,
        wanted: usize,
        stream: &TcpStream,
    ) -> io::Result<usize> {
        let mut state = self.state.lock();
        loop {
            if spent.epoch != state.epoch {
                *spent = Spent {
                    epoch: state.epoch,
                    bytes: 0,
                };
            }
            let limit = state.faults.iter().find_map(|fault| match fault {
                Fault::Hang { after_bytes } => Some(*after_bytes),
                _ => None,
            });
            let Some(limit) = limit else {
                return Ok(wanted);
            };
            let left = usize::try_from(limit.saturating_sub(spent.bytes)).unwrap_or(usize::MAX);
            let admitted = wanted.min(left);
            if admitted > 0 || wanted == 0 {
                spent.bytes += admitted as u64;
                return Ok(admitted);
            }
            self.changed.wait_for(&mut state, LOOK);
            if has_ended(stream) {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
        }
    }
}

/// How many times as long as usual an answer takes; 1 without a fault.
fn slowness(state: &State) -> u32 {
    let factor = |fault: &Fault| match fault {
        Fault::Slow { factor } => Some(*factor),
        _ => None,
    };
    state.faults.iter().find_map(factor).unwrap_or(1)
}

/// Whether the other side has closed or reset the connection.
pub(crate) fn has_ended(stream: &TcpStream) -> bool {
    let mut byte = [0];
    match recv(stream, &mut byte, RecvFlags::PEEK | RecvFlags::DONTWAIT) {
        Ok((_, count)) => count == 0,
        Err(error) => error != rustix::io::Errno::AGAIN && error != rustix::io::Errno::INTR,
    }
}

/// The text of a scripted error, as an OBServer words the ones that matter to a proxy.
fn scripted_text(code: u16) -> String {
    let text = match code {
        1205 => "Lock wait timeout exceeded; try restarting transaction",
        4012 => "Timeout, query has reached the maximum query timeout",
        4023 => "The object is in use, try again",
        4038 => "The replica is not the leader",
        4225 => "The location of the partition has changed",
        6005 => "Try to lock row conflict",
        6225 => "The transaction is unknown here",
        _ => "An error of the script",
    };
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripted_errors_come_as_often_as_asked_and_then_no_more() {
        let conditions = Conditions::default();
        conditions.set(vec![
            Fault::Errors {
                code: 4038,
                count: 2,
                on: ErrorsOn::Statements,
            },
            Fault::Slow { factor: 50 },
        ]);
        let mut codes = Vec::new();
        for _ in 0..3 {
            codes.push(
                conditions
                    .next_error(ErrorsOn::Statements)
                    .map(|error| error.code),
            );
        }
        assert_eq!(codes, [Some(4038), Some(4038), None]);
        assert!(conditions.next_error(ErrorsOn::Logins).is_none());
        assert_eq!(conditions.faults(), [Fault::Slow { factor: 50 }]);
        assert_eq!(slowness(&conditions.state.lock()), 50);
    }

    #[test]
    fn a_clock_goes_back_when_the_fault_is_undone() {
        let conditions = Conditions::default();
        conditions.set(vec![Fault::Clock { offset_s: -60 }]);
        assert_eq!(conditions.clock.offset_micros(), -60_000_000);
        conditions.set(Vec::new());
        assert_eq!(conditions.clock.offset_micros(), 0);
    }
}
