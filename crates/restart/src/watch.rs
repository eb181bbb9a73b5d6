//! Which worker thread of a data plane has stopped running.

use std::time::{Duration, Instant};

/// The last tick of every worker and when it changed.
#[derive(Debug, Clone)]
pub(crate) struct Watch {
    started: Instant,
    workers: Vec<(u64, Instant)>,
}

impl Watch {
    /// A watch over a data plane that has just been committed.
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            started: now,
            workers: Vec::new(),
        }
    }

    /// Takes the ticks of a heartbeat.
    pub(crate) fn see(&mut self, ticks: &[u64], now: Instant) {
        self.workers.resize(ticks.len(), (0, now));
        for (seen, &tick) in self.workers.iter_mut().zip(ticks) {
            if seen.0 != tick {
                *seen = (tick, now);
            }
        }
    }

    /// Forgets the silence so far: this process itself did not run, so it heard nobody.
    pub(crate) fn rebase(&mut self, now: Instant) {
        self.started = now;
        for (_, changed) in &mut self.workers {
            *changed = now;
        }
    }

    /// When the worker that has been silent longest was last seen to run. Before the first heartbeat
    /// that is the start of the watch.
    pub(crate) fn quiet_since(&self) -> Instant {
        let oldest = self.workers.iter().map(|&(_, changed)| changed).min();
        oldest.unwrap_or(self.started)
    }

    /// When the watch has to be looked at again.
    pub(crate) fn due(&self, timeout: Duration) -> Instant {
        self.quiet_since() + timeout
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_silent_worker_among_running_ones_is_noticed() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut watch = Watch::new(start);
        for second in 1..=12 {
            let second_worker = if second < 3 { second } else { 3 };
            watch.see(&[second, second_worker], at(second));
        }
        assert_eq!(watch.quiet_since(), at(3));
        assert_eq!(watch.due(Duration::from_secs(10)), at(13));
        watch.rebase(at(12));
        assert_eq!(watch.quiet_since(), at(12));
    }

    #[test]
    fn a_data_plane_that_never_beats_is_quiet_since_its_commit() {
        let start = Instant::now();
        assert_eq!(Watch::new(start).quiet_since(), start);
    }
}
