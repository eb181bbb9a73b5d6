//! Discovery's parameters.

use odp_cluster::{ClusterName, ServerAddr};
use odp_routing::DetectionLimits;
use std::time::Duration;

/// Where discovery starts and how often it asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiscoveryConfig {
    /// The servers to start from (`rootservice_list`).
    pub rootservice_list: Vec<ServerAddr>,
    /// The servers of the cluster as they were seen last, asked when those of the list do not answer.
    pub remembered: Vec<ServerAddr>,
    /// The name that the cluster must have (`rootservice_cluster_name`); `None` takes any.
    pub cluster_name: Option<ClusterName>,
    /// Whether a cluster that tells another name is refused (`enable_cluster_checkout`).
    pub is_name_checked: bool,
    /// Whether there is a cluster to ask; else the servers of the list are served as they are
    /// (`server_routing_mode = "mysql"`).
    pub has_metadata: bool,
    /// The user that asks, as the server knows it (`metadata_user`).
    pub metadata_user: String,
    /// `SHA1(password)` of that user (`observer_sys_password`); `None` for no password.
    pub password_stage1: Option<[u8; 20]>,
    /// The time between two rounds over the cluster's state (`server_state_refresh_interval`); each
    /// wait is a random part of it, from half to the whole.
    pub server_state_refresh_interval: Duration,
    /// The time for connecting to a server, up to its greeting.
    pub connect_timeout: Duration,
    /// The time for one query (`short_async_task_timeout`).
    pub query_timeout: Duration,
    /// How long a session waits for a location.
    pub lookup_timeout: Duration,
    /// Locations that may wait to be fetched; more are not fetched.
    pub max_queued_lookups: usize,
    /// Background refreshes of locations per second (`normal_pl_update_threshold`).
    pub max_refreshes_per_second: u32,
    /// The same, for 15 seconds after more were asked for than that
    /// (`limited_pl_update_threshold`).
    pub limited_refreshes_per_second: u32,
    /// Which servers are probed, how often, and how many failures make one dead.
    pub detection: DetectionLimits,
    /// The time for one probe, up to the server's greeting (`detect_server_timeout`).
    pub detect_timeout: Duration,
}

impl Default for DiscoveryConfig {
    fn default() -> Self {
        Self {
            rootservice_list: Vec::new(),
            remembered: Vec::new(),
            cluster_name: None,
            is_name_checked: true,
            has_metadata: true,
            metadata_user: "proxyro@sys".to_owned(),
            password_stage1: None,
            server_state_refresh_interval: Duration::from_secs(20),
            connect_timeout: Duration::from_secs(1),
            query_timeout: Duration::from_secs(5),
            lookup_timeout: Duration::from_secs(5),
            max_queued_lookups: 1024,
            max_refreshes_per_second: 100,
            limited_refreshes_per_second: 10,
            detection: DetectionLimits::default(),
            detect_timeout: Duration::from_millis(500),
        }
    }
}
