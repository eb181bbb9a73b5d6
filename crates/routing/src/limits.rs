//! The router's parameters: bounds of its memory and of its patience.

use std::time::Duration;

/// Bounds and periods, with `OBProxy`'s defaults where it has the parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouterLimits {
    /// Strikes within `congestion_fail_window` that list a server
    /// (`congestion_failure_threshold`, 1 to 64).
    pub congestion_failure_threshold: u32,
    /// The window of the strikes (`congestion_fail_window`).
    pub congestion_fail_window: Duration,
    /// How long a listed server is left alone before one request probes it
    /// (`congestion_retry_interval`).
    pub congestion_retry_interval: Duration,
    /// How long a server stays listed at least (`min_keep_congestion_interval`).
    pub min_keep_congestion_interval: Duration,
    /// How many times as long as the middle server of its region a server must take for plain reads to be
    /// slow (`slow_server_factor`); 0 calls none slow.
    pub slow_server_factor: u32,
    /// How long the one request that probes a listed server may be under way until it counts as lost
    /// and another one may; longer than a statement may take.
    pub probe_patience: Duration,
    /// The shortest time between two refreshes of one location (`delay_update_entry_interval`).
    pub delay_update_entry_interval: Duration,
    /// How old a location may grow before it counts as stale, a random part from half to the whole
    /// (`location_expire_period_time`); zero for no limit.
    pub location_expire_period_time: Duration,
    /// How long a refresh may be under way before another one is asked for.
    pub refresh_timeout: Duration,
    /// How long after its start a refresh is waited for by statements on a partition that is no longer
    /// where the location says; then they go there all the same.
    pub refresh_patience: Duration,
    /// How long "no such table" is believed.
    pub missing_table_ttl: Duration,
    /// How old a tenant's server list may grow before it is fetched anew in the background.
    pub tenant_servers_refresh_interval: Duration,
    /// The location cache's size in bytes (`routing_cache_mem_limited`).
    pub location_cache_bytes: usize,
}

impl Default for RouterLimits {
    fn default() -> Self {
        Self {
            congestion_failure_threshold: 5,
            congestion_fail_window: Duration::from_mins(2),
            congestion_retry_interval: Duration::from_secs(20),
            min_keep_congestion_interval: Duration::from_secs(20),
            slow_server_factor: 8,
            probe_patience: Duration::from_mins(10),
            delay_update_entry_interval: Duration::from_secs(5),
            location_expire_period_time: Duration::ZERO,
            refresh_timeout: Duration::from_secs(5),
            refresh_patience: Duration::from_millis(250),
            missing_table_ttl: Duration::from_secs(5),
            tenant_servers_refresh_interval: Duration::from_secs(30),
            location_cache_bytes: 128 << 20,
        }
    }
}
