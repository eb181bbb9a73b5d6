//! The bounds of the pools.

use crate::shelf::Limits;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long server sessions stay with a client.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub enum PoolMode {
    /// Each client has server sessions of its own, which end with it.
    Off,
    /// They go to the next client when theirs leaves.
    #[default]
    Session,
    /// They go to the next client at the end of each transaction.
    Transaction,
}

/// The bounds of the pools.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolSettings {
    /// Server sessions of one account (tenant and user) at one server: how many are kept idle, and with
    /// [`PoolMode::Transaction`] how many there may be; 0 for no bound.
    pub max: usize,
    /// How many are kept idle at least for each identity, opened ahead, while it is in use.
    pub min_idle: usize,
    /// How long one may be idle.
    pub idle_timeout: Duration,
    /// The age at which one is given up; a tenth of it is left to chance, so that not all go at once.
    pub max_age: Duration,
    /// How long one may be idle before it is asked whether it still lives.
    pub ping_after: Duration,
    /// How long a client waits for one, or for its turn to log in.
    pub wait_timeout: Duration,
    /// How many clients may wait for the sessions of one account at one server.
    pub max_waiting: usize,
    /// How many logins are under way at one server at once; 0 for any number.
    pub connect_concurrency_max: usize,
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self {
            max: 64,
            min_idle: 0,
            idle_timeout: Duration::from_mins(5),
            max_age: Duration::from_hours(1),
            ping_after: Duration::from_secs(10),
            wait_timeout: Duration::from_secs(5),
            max_waiting: 10_000,
            connect_concurrency_max: 64,
        }
    }
}

impl PoolSettings {
    pub(crate) fn limits(&self, mode: PoolMode) -> Limits {
        let bound = match self.max {
            0 => usize::MAX,
            max => max,
        };
        Limits {
            total: (mode == PoolMode::Transaction && self.max > 0).then_some(bound),
            idle: bound,
            idle_min: self.min_idle,
            waiting: self.max_waiting,
            idle_timeout: self.idle_timeout,
            ping_after: self.ping_after,
        }
    }
}
