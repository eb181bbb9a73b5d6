//! How sessions ask for locations: one fetch per table at a time, a bounded queue, waiting with a
//! deadline.

use crate::{DiscoveryConfig, DiscoveryState};
use arc_swap::ArcSwap;
use odp_routing::{Evidence, TableKey};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::Instant;

/// Asks [`crate::Discovery`], from any thread.
#[derive(Debug, Clone)]
pub struct Handle {
    shared: Arc<Shared>,
}

/// What the handles and the workers share.
#[derive(Debug)]
pub(crate) struct Shared {
    /// The tables being fetched.
    pending: Mutex<HashMap<TableKey, Fetch>>,
    queue: mpsc::Sender<TableKey>,
    state: ArcSwap<DiscoveryState>,
    round: Notify,
    evidence: mpsc::Sender<Evidence>,
    rate: Mutex<Rate>,
    lookup_timeout: Duration,
}

/// A fetch in the queue or under way.
#[derive(Debug)]
struct Fetch {
    /// Dropping it wakes those who wait for the table.
    done: watch::Sender<()>,
    /// Whether it shall be followed by another one, since it may have read what it brings before that
    /// was asked for.
    again: bool,
}

/// What the sessions send.
#[derive(Debug)]
pub(crate) struct Inbox {
    /// The tables to fetch.
    pub(crate) lookups: mpsc::Receiver<TableKey>,
    /// What was noticed about servers.
    pub(crate) reports: mpsc::Receiver<Evidence>,
}

/// Evidence that may wait to be judged.
const MAX_QUEUED_EVIDENCE: usize = 1024;

/// How long refreshes are held back after too many were asked for in one second. (`OBProxy` takes a
/// random time from 10 to 20 seconds.)
const STRICT_PERIOD: Duration = Duration::from_secs(15);

/// Counts the background refreshes of the current second.
#[derive(Debug)]
struct Rate {
    limit: u32,
    /// The limit while there are too many.
    strict: u32,
    /// Until when there are too many.
    strict_until: Option<Instant>,
    since: Option<Instant>,
    count: u32,
}

impl Handle {
    pub(crate) fn new(config: &DiscoveryConfig) -> (Self, Inbox) {
        let (queue, lookups) = mpsc::channel(config.max_queued_lookups.max(1));
        let (evidence, reports) = mpsc::channel(MAX_QUEUED_EVIDENCE);
        let shared = Shared {
            pending: Mutex::default(),
            queue,
            state: ArcSwap::default(),
            round: Notify::new(),
            evidence,
            rate: Mutex::new(Rate {
                limit: config.max_refreshes_per_second,
                strict: config.limited_refreshes_per_second,
                strict_until: None,
                since: None,
                count: 0,
            }),
            lookup_timeout: config.lookup_timeout,
        };
        let shared = Arc::new(shared);
        (Self { shared }, Inbox { lookups, reports })
    }

    pub(crate) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    /// Fetches a table's location; completes when the answer is installed, or when none is to be
    /// had: the queue is full, discovery has ended, or the deadline (`lookup_timeout`) is over.
    pub async fn lookup(&self, key: TableKey) {
        let waiting = self.shared.enqueue(key);
        if let Some(mut done) = waiting {
            // The channel never carries a value: it ends when the answer is in.
            let end = async { while done.changed().await.is_ok() {} };
            tokio::time::timeout(self.shared.lookup_timeout, end)
                .await
                .unwrap_or_default();
        }
    }

    /// Completes when no location of this table is being fetched.
    pub async fn settled(&self, key: TableKey) {
        let done = |fetch: &Fetch| fetch.done.subscribe();
        let done = self.shared.pending.lock().get(&key).map(done);
        if let Some(mut done) = done {
            while done.changed().await.is_ok() {}
        }
    }

    /// Fetches a table's location anew in the background, after a fetch that is under way. Nothing
    /// happens when too many refreshes were asked for this second.
    pub fn refresh(&self, key: TableKey) {
        if !self.shared.rate.lock().admits(Instant::now()) {
            return;
        }
        if let Some(fetch) = self.shared.pending.lock().get_mut(&key) {
            fetch.again = true;
            return;
        }
        self.shared.enqueue(key);
    }

    /// Has the state of the cluster loaded before the next regular round.
    pub fn refresh_cluster(&self) {
        self.shared.round.notify_one();
    }

    /// Reports what a session noticed about a server. While too much is reported, some of it is lost:
    /// what goes on is noticed again.
    pub fn report(&self, evidence: Evidence) {
        if self.shared.evidence.try_send(evidence).is_err() {
            tracing::debug!(server = %evidence.server, "too much evidence at once");
        }
    }

    /// How discovery stands.
    #[must_use]
    pub fn state(&self) -> Arc<DiscoveryState> {
        self.shared.state.load_full()
    }
}

impl Shared {
    /// Queues a fetch unless one is under way; answers what ends with it.
    fn enqueue(&self, key: TableKey) -> Option<watch::Receiver<()>> {
        let mut pending = self.pending.lock();
        if let Some(fetch) = pending.get(&key) {
            return Some(fetch.done.subscribe());
        }
        self.queue.try_send(key.clone()).ok()?;
        let (done, waiting) = watch::channel(());
        pending.insert(key, Fetch { done, again: false });
        Some(waiting)
    }

    /// Wakes those who wait for `key`, and fetches it again if that was asked for.
    pub(crate) fn complete(&self, key: &TableKey) {
        let fetch = self.pending.lock().remove(key);
        if fetch.is_some_and(|fetch| fetch.again) {
            self.enqueue(key.clone());
        }
    }

    /// Wakes everybody: discovery has ended.
    pub(crate) fn complete_all(&self) {
        self.pending.lock().clear();
    }

    pub(crate) fn state(&self) -> Arc<DiscoveryState> {
        self.state.load_full()
    }

    pub(crate) fn set_state(&self, state: DiscoveryState) {
        self.state.store(Arc::new(state));
    }

    /// Completes when somebody asks for a round.
    pub(crate) async fn round_wanted(&self) {
        self.round.notified().await;
    }
}

impl Rate {
    fn admits(&mut self, now: Instant) -> bool {
        let over = self
            .since
            .is_none_or(|since| now.duration_since(since) >= Duration::from_secs(1));
        if over {
            self.since = Some(now);
            self.count = 0;
        }
        self.count += 1;
        if self.count > self.limit {
            self.strict_until = Some(now + STRICT_PERIOD);
        }
        let is_strict = self.strict_until.is_some_and(|until| now < until);
        let limit = if is_strict {
            self.strict.min(self.limit)
        } else {
            self.limit
        };
        self.count <= limit
    }
}
