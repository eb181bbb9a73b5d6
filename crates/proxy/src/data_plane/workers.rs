//! All worker threads: who gets the next client, and when all are done.

use super::worker::{Accepted, Gauges, Shared, Worker};
use crate::error::Error;
use odp_session::{Counts, Lifecycle};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

/// The worker threads.
pub(super) struct Workers {
    workers: Vec<Worker>,
    lifecycle: watch::Sender<Lifecycle>,
}

impl Workers {
    /// Starts `count` threads.
    pub(super) fn start(count: usize, shared: &Shared) -> Result<Self, Error> {
        let (lifecycle, receiver) = watch::channel(Lifecycle::default());
        let workers = (0..count.max(1))
            .map(|number| Worker::start(number, shared.clone(), receiver.clone()))
            .collect::<Result<_, _>>()?;
        Ok(Self { workers, lifecycle })
    }

    /// The way to hand accepted clients over.
    pub(super) fn dealer(&self) -> Dealer {
        let seat = |worker: &Worker| Seat {
            gauges: Arc::clone(&worker.gauges),
            inbox: worker.inbox.clone(),
        };
        Dealer(self.workers.iter().map(seat).collect())
    }

    /// The ticks of every worker.
    pub(super) fn ticks(&self) -> Vec<u64> {
        let tick = |worker: &Worker| worker.gauges.ticks.load(Relaxed);
        self.workers.iter().map(tick).collect()
    }

    /// What all sessions together have counted.
    pub(super) fn counts(&self) -> Counts {
        let mut sum = Counts::default();
        for worker in &self.workers {
            sum += worker.gauges.counters.read();
        }
        sum
    }

    /// Lets every session end at a transaction boundary behind its own moment within `spread`, at the
    /// latest at `until`.
    pub(super) fn drain(&self, from: Instant, spread: Duration, until: Option<Instant>) {
        let draining = Lifecycle::Draining {
            from,
            spread,
            until,
        };
        self.lifecycle.send_replace(draining);
    }

    /// Waits for the last session; the acceptor must have dropped its [`Dealer`].
    pub(super) async fn ended(&mut self) {
        for worker in &mut self.workers {
            let (closed, _) = mpsc::channel(1);
            worker.inbox = closed;
        }
        for worker in &mut self.workers {
            // A worker that is gone has ended, too.
            if !worker.ended.is_terminated() {
                (&mut worker.ended).await.ok();
            }
        }
    }
}

struct Seat {
    gauges: Arc<Gauges>,
    inbox: mpsc::Sender<Accepted>,
}

/// Hands clients to the worker that has the fewest.
pub(super) struct Dealer(Vec<Seat>);

impl Dealer {
    /// Hands a client over. A worker that does not empty its inbox is passed over; while all inboxes
    /// are full, clients wait in the listen queue.
    pub(super) async fn deal(&self, mut accepted: Accepted) {
        let mut seats: Vec<&Seat> = self.0.iter().collect();
        seats.sort_by_key(|seat| seat.gauges.open.load(Relaxed));
        for seat in &seats {
            match seat.offer(accepted) {
                Ok(()) => return,
                Err(refused) => accepted = refused,
            }
        }
        if let Some(seat) = seats.first() {
            seat.wait(accepted).await;
        }
    }
}

impl Seat {
    fn offer(&self, accepted: Accepted) -> Result<(), Accepted> {
        self.gauges.open.fetch_add(1, Relaxed);
        self.inbox.try_send(accepted).map_err(|refused| {
            self.gauges.open.fetch_sub(1, Relaxed);
            refused.into_inner()
        })
    }

    async fn wait(&self, accepted: Accepted) {
        self.gauges.open.fetch_add(1, Relaxed);
        if self.inbox.send(accepted).await.is_err() {
            self.gauges.open.fetch_sub(1, Relaxed);
        }
    }
}

#[cfg(test)]
pub(super) mod testing {
    //! A dealer over inboxes that a test reads itself.

    use super::*;

    /// Workers with this many open connections each, and their inboxes.
    pub(in super::super) fn dealer(open: &[usize]) -> (Dealer, Vec<mpsc::Receiver<Accepted>>) {
        let seat = |&open: &usize| {
            let (inbox, accepted) = mpsc::channel(16);
            let gauges = Arc::new(Gauges::default());
            gauges.open.store(open, Relaxed);
            (Seat { gauges, inbox }, accepted)
        };
        let (seats, inboxes) = open.iter().map(seat).unzip();
        (Dealer(seats), inboxes)
    }
}
