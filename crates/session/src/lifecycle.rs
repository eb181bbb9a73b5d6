//! Whether sessions go on, and when each of them ends while the proxy drains.

use odp_cluster::ClientSessionId;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// Whether sessions go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lifecycle {
    /// They do.
    #[default]
    Serving,
    /// Each ends at the first transaction boundary behind a moment of its own.
    Draining {
        /// When draining began.
        from: Instant,
        /// The moments are spread evenly over this time, so that clients do not all come back at
        /// once; zero ends everybody at the next boundary.
        spread: Duration,
        /// When those that are left are ended with an error; `None` waits for them for ever.
        until: Option<Instant>,
    },
}

impl Lifecycle {
    /// When a session with this id shall end.
    fn turn_of(self, id: ClientSessionId) -> Option<Instant> {
        match self {
            Self::Serving => None,
            Self::Draining { from, spread, .. } => Some(from + spread.mul_f64(share(id))),
        }
    }

    fn deadline(self) -> Option<Instant> {
        match self {
            Self::Serving => None,
            Self::Draining { until, .. } => until,
        }
    }
}

/// A number from 0 to 1 that is spread evenly over ids that follow each other (the fractional parts of
/// the multiples of the golden ratio).
fn share(id: ClientSessionId) -> f64 {
    const GOLDEN: u32 = 0x9E37_79B9;
    f64::from(id.get().wrapping_mul(GOLDEN)) / (f64::from(u32::MAX) + 1.0)
}

/// Completes when it is the turn of the session with this id to end.
pub(crate) async fn turn(lifecycle: watch::Receiver<Lifecycle>, id: ClientSessionId) {
    wait(lifecycle, |now| now.turn_of(id)).await;
}

/// Completes when sessions that are left are ended.
pub(crate) async fn deadline(lifecycle: watch::Receiver<Lifecycle>) {
    wait(lifecycle, Lifecycle::deadline).await;
}

/// Waits until the moment that `moment` reads from the newest lifecycle.
async fn wait(
    mut lifecycle: watch::Receiver<Lifecycle>,
    moment: impl Fn(Lifecycle) -> Option<Instant>,
) {
    loop {
        let due = moment(*lifecycle.borrow_and_update());
        let come = async {
            match due {
                Some(due) => sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = come => return,
            changed = lifecycle.changed() => if changed.is_err() {
                // Nobody is left who could change it.
                return match due {
                    Some(due) => sleep_until(due).await,
                    None => std::future::pending().await,
                };
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_spread_over_the_whole_time() {
        let from = Instant::now();
        let spread = Duration::from_secs(30);
        let draining = Lifecycle::Draining {
            from,
            spread,
            until: None,
        };
        let mut seconds = [0_u32; 30];
        for id in 0..3_000 {
            let turn = draining.turn_of(ClientSessionId::from(id)).unwrap() - from;
            seconds[usize::try_from(turn.as_secs()).unwrap()] += 1;
        }
        assert!(
            seconds.iter().all(|&count| (95..=105).contains(&count)),
            "{seconds:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_comes_when_draining_begins_and_a_deadline_when_it_ends() {
        let (sender, receiver) = watch::channel(Lifecycle::Serving);
        let start = Instant::now();
        let waiting = tokio::spawn(turn(receiver.clone(), ClientSessionId::from(0)));
        let ending = tokio::spawn(deadline(receiver));
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert!(!waiting.is_finished());
        let until = Some(Instant::now() + Duration::from_secs(10));
        sender.send_replace(Lifecycle::Draining {
            from: Instant::now(),
            spread: Duration::ZERO,
            until,
        });
        waiting.await.unwrap();
        assert_eq!(start.elapsed().as_secs(), 5);
        ending.await.unwrap();
        assert_eq!(start.elapsed().as_secs(), 15);
    }
}
