//! What a session is told by the configuration.

use crate::tenant_limits::TenantLimits;
use odp_cluster::{ClusterName, ProxyId, Separators, TenantName};
use odp_pool::{ConnectOptions, Keepalive, MetaLogin, PoolMode, ProxyIdentity};
use odp_routing::Consistency;
use std::time::Duration;

/// What is behind the proxy (`server_routing_mode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum RoutingMode {
    /// An `OceanBase` cluster: statements go to the leaders of their partitions.
    OceanBase,
    /// MySQL or MariaDB servers: a client has one server session, whose login is relayed.
    MySql,
}

/// The settings of all sessions; made once from the parameters.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What is behind the proxy.
    pub mode: RoutingMode,
    /// The version in the greeting (`mysql_version`); empty takes the servers' own.
    pub version: String,
    /// What servers are told about the proxy.
    pub identity: ProxyIdentity,
    /// The proxy's own account at the servers, where it has one (`metadata_user`).
    pub meta_login: Option<MetaLogin>,
    /// How connections to servers are opened.
    pub connect: ConnectOptions,
    /// Keepalive toward clients (`client_tcp_keepidle` and its siblings).
    pub client_keepalive: Keepalive,
    /// The separators of `cluster:tenant:user` names (`username_separator`).
    pub separators: Separators,
    /// The cluster that this proxy serves; `None` takes any name (`rootservice_cluster_name`).
    pub cluster: Option<ClusterName>,
    /// The tenant of a user name without one (`proxy_tenant_name`).
    pub default_tenant: TenantName,
    /// Whether user names must give tenant and cluster (`enable_full_username`).
    pub require_full_username: bool,
    /// Whether clients may log in as `proxyro@sys` (`skip_proxyro_check`).
    pub allow_proxyro: bool,
    /// From the greeting to the end of the login.
    pub login_timeout: Duration,
    /// What sessions read by until they say otherwise (`obproxy_read_consistency`).
    pub read_consistency: Consistency,
    /// Added to `ob_query_timeout` for the wait on a server (`observer_query_timeout_delta`).
    pub query_timeout_delta: Duration,
    /// How many servers are tried for one login or statement (`connect_observer_max_retries`).
    pub max_attempts: usize,
    /// The most clients at once; 0 for no limit (`client_max_connections`, error 1203).
    pub max_clients: usize,
    /// The most clients of each tenant at once (`resource_max_connections`, error 1040).
    pub tenant_limits: TenantLimits,
    /// What a session may keep in memory for its client, in bytes; 0 for no limit
    /// (`client_max_memory_size`, error 4080).
    pub max_session_bytes: usize,
    /// The most statements that a client may have prepared; 0 for no limit (`max_prepared_stmt_count`,
    /// error 1461).
    pub max_statements: usize,
    /// The most of them that are prepared in one server session; 0 for no limit but the server's own
    /// (`server_prepared_stmt_count`).
    pub max_server_statements: usize,
    /// How server sessions are pooled (`pool_mode`).
    pub pool_mode: PoolMode,
    /// The same for some tenants and users (`pool_mode_overrides`); the last that fits counts.
    pub pool_overrides: Vec<PoolOverride>,
    /// The number of this proxy in connection ids (`proxy_id`).
    pub proxy_id: ProxyId,
}

/// Another [`PoolMode`] for a tenant, or for one user of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolOverride {
    /// The tenant.
    pub tenant: TenantName,
    /// The user; `None` for all of the tenant's.
    pub user: Option<String>,
    /// The mode.
    pub mode: PoolMode,
}

impl Settings {
    /// How the server sessions of this user's clients are pooled.
    #[must_use]
    pub fn pool_mode_of(&self, tenant: &TenantName, user: &str) -> PoolMode {
        let fits = |entry: &&PoolOverride| {
            entry.tenant == *tenant && entry.user.as_deref().is_none_or(|name| name == user)
        };
        let found = self.pool_overrides.iter().rfind(fits);
        found.map_or(self.pool_mode, |entry| entry.mode)
    }
}

impl Default for Settings {
    /// `OBProxy`'s defaults, and 10 s for a login.
    fn default() -> Self {
        Self {
            mode: RoutingMode::OceanBase,
            version: "5.6.25".to_owned(),
            identity: ProxyIdentity {
                version: "4.3.3.0".to_owned(),
                cluster: None,
                tell_client_addr: true,
            },
            meta_login: None,
            connect: ConnectOptions::default(),
            client_keepalive: Keepalive::default(),
            separators: Separators::default(),
            cluster: None,
            default_tenant: TenantName::new("sys"),
            require_full_username: false,
            allow_proxyro: false,
            login_timeout: Duration::from_secs(10),
            read_consistency: Consistency::Strong,
            query_timeout_delta: Duration::from_secs(20),
            max_attempts: 3,
            max_clients: 8192,
            tenant_limits: TenantLimits::default(),
            max_session_bytes: 8 << 20,
            max_statements: 16_382,
            max_server_statements: 1_024,
            pool_mode: PoolMode::Off,
            pool_overrides: Vec::new(),
            proxy_id: ProxyId::new(0).expect("0 is a proxy id"),
        }
    }
}
