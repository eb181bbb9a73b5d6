//! A timer that costs next to nothing to move further away, as every command does.

use std::pin::Pin;
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until};

/// Longer than any wait that somebody means.
const NEVER: Duration = Duration::from_hours(24 * 365);

/// Rings once its time has come. The runtime's own timer is only moved when it must ring earlier; when
/// it rings too early, it is wound up again.
#[derive(Debug)]
pub(crate) struct Alarm {
    sleep: Pin<Box<Sleep>>,
    due: Instant,
}

impl Alarm {
    /// An alarm that does not ring.
    pub(crate) fn new() -> Self {
        let due = Instant::now() + NEVER;
        Self {
            sleep: Box::pin(sleep_until(due)),
            due,
        }
    }

    /// Rings after `wait` from now; `None` is never.
    pub(crate) fn set(&mut self, wait: Option<Duration>) {
        self.due = Instant::now() + wait.unwrap_or(NEVER).min(NEVER);
        if self.sleep.deadline() > self.due {
            self.sleep.as_mut().reset(self.due);
        }
    }

    /// Rings `wait` after the first time that this is polled: what is ready at once costs no look at the
    /// clock.
    pub(crate) async fn ring_after(&mut self, wait: Option<Duration>) {
        self.set(wait);
        self.ring().await;
    }

    /// Waits for the ring. Cancel-safe.
    pub(crate) async fn ring(&mut self) {
        loop {
            self.sleep.as_mut().await;
            if Instant::now() >= self.due {
                return;
            }
            self.sleep.as_mut().reset(self.due);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_rings_at_the_time_that_was_set_last() {
        let mut alarm = Alarm::new();
        let start = Instant::now();
        for (first, then) in [(1, 30), (30, 1), (5, 5)] {
            alarm.set(Some(Duration::from_secs(first)));
            alarm.set(Some(Duration::from_secs(then)));
            let before = start.elapsed();
            alarm.ring().await;
            let rang_after = start.elapsed().saturating_sub(before);
            assert_eq!(rang_after.as_secs(), then);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_can_be_silenced() {
        let mut alarm = Alarm::new();
        alarm.set(Some(Duration::from_secs(1)));
        alarm.set(None);
        let rang = tokio::time::timeout(Duration::from_hours(1), alarm.ring()).await;
        assert!(rang.is_err());
    }
}
