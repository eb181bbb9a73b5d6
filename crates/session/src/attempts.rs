//! What has been tried for one command, and how long trying goes on.

use crate::error::SessionError;
use odp_cluster::ServerAddr;
use odp_routing::{LookupPhase, TableKey};
use std::time::Duration;
use tokio::time::Instant;

/// What has been tried for a command.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    /// Servers that could not be reached, or did not run it.
    pub(crate) failed: Vec<ServerAddr>,
    /// Whether the router's wish for a location has been answered.
    pub(crate) lookup: LookupPhase,
    /// How long it took.
    pub(crate) waited: Duration,
    /// How often a refresh was waited for.
    waits: u32,
    /// How many attempts came to nothing.
    count: usize,
    /// Why the last of them did.
    last: Option<SessionError>,
    /// When the first search for a leader began.
    since: Option<Instant>,
    /// The table whose new leader is looked for before the next one, and how often that was.
    leaderless: Option<TableKey>,
    searches: u32,
}

impl Attempts {
    /// A refresh that began too early brings an answer that is doubted too; one more is waited for.
    const MAX_WAITS: u32 = 2;
    /// The pause before all servers are tried once more, and before the first search for a leader.
    const PAUSE: Duration = Duration::from_millis(50);
    /// The longest pause between two searches for a leader.
    const LONGEST_PAUSE: Duration = Duration::from_millis(400);

    /// Nothing but that the location was looked up.
    pub(crate) fn looked_up() -> Self {
        Self {
            lookup: LookupPhase::Done,
            ..Self::default()
        }
    }

    /// Notes that a refresh was waited for.
    pub(crate) fn note_wait(&mut self, waited: Duration) {
        self.waited += waited;
        self.waits += 1;
        if self.waits == Self::MAX_WAITS {
            self.lookup = LookupPhase::Done;
        }
    }

    /// How many attempts there may be: `connect_observer_max_retries`, and each server twice
    /// (`ob_mysql_transact.cpp`).
    pub(crate) fn limit(max_attempts: usize, servers: usize) -> usize {
        max_attempts.max(2 * servers + 1)
    }

    /// Notes that an attempt at `server` came to nothing; false when it was the last one.
    pub(crate) fn goes_on_elsewhere(&mut self, server: ServerAddr, limit: usize) -> bool {
        self.count += 1;
        self.failed.push(server);
        self.count < limit
    }

    /// Keeps the reason of the last failure, for the case that it stays the last.
    pub(crate) fn keep(&mut self, error: SessionError) {
        self.last = Some(error);
    }

    /// Notes that the leader of `table` is another one; false when the statement's time is over.
    pub(crate) fn goes_on_with_leader(&mut self, table: TableKey, patience: Duration) -> bool {
        self.leaderless = Some(table);
        self.searches += 1;
        let since = self.since.get_or_insert_with(Instant::now);
        since.elapsed() < patience
    }

    /// The table whose leader is to be looked for now, and the pause before.
    pub(crate) fn take_search(&mut self) -> Option<(TableKey, Duration)> {
        let table = self.leaderless.take()?;
        let doubled = Self::PAUSE * 2_u32.saturating_pow(self.searches.min(8) - 1);
        // The first leader that is found is likely to be the new one.
        let pause = if self.searches == 1 {
            Duration::ZERO
        } else {
            doubled.min(Self::LONGEST_PAUSE)
        };
        self.lookup = LookupPhase::Done;
        Some((table, pause))
    }

    /// Begins another round over servers of which every one was tried, after a pause.
    ///
    /// # Errors
    /// `none` or the reason of the last failure, when nothing was tried in this round.
    pub(crate) fn another_round(&mut self, none: SessionError) -> Result<Duration, SessionError> {
        if self.failed.is_empty() {
            return Err(self.last.take().unwrap_or(none));
        }
        self.failed.clear();
        Ok(Self::PAUSE)
    }
}
