//! Parameters to the settings of the crates that do the work.

use crate::config::{Settings, pool_mode};
use odp_cluster::{ClusterName, ProxyId, TenantName};
use odp_discovery::DiscoveryConfig;
use odp_pool::{ConnectOptions, Keepalive, MetaLogin, ProxyIdentity};
use odp_routing::{
    Consistency, DetectMode, DetectionLimits, PolicySettings, ProxyRoutePolicy, RouterLimits,
    ZoneGroups,
};
use odp_session::RoutingMode;
use std::time::Duration;

/// The version that servers are told; from 4.3.3 on they hand out salts to proxies.
const OBPROXY_VERSION: &str = "4.3.3.0";

/// The router's bounds.
pub(super) fn router_limits(settings: &Settings) -> RouterLimits {
    RouterLimits {
        congestion_failure_threshold: narrow(settings.congestion_failure_threshold.0),
        congestion_fail_window: settings.congestion_fail_window.0,
        congestion_retry_interval: settings.congestion_retry_interval.0,
        slow_server_factor: narrow(settings.slow_server_factor.0),
        min_keep_congestion_interval: settings.min_keep_congestion_interval.0,
        delay_update_entry_interval: settings.delay_update_entry_interval.0,
        location_expire_period_time: settings.location_expire_period_time.0,
        location_cache_bytes: usize::try_from(settings.routing_cache_mem_limited.0)
            .unwrap_or(usize::MAX),
        ..RouterLimits::default()
    }
}

/// Which servers the router prefers.
pub(super) fn policy_settings(settings: &Settings) -> PolicySettings {
    PolicySettings {
        proxy_idc_name: settings.proxy_idc_name.trim().to_owned(),
        proxy_route_policy: ProxyRoutePolicy::read(settings.proxy_route_policy.as_str()),
        proxy_primary_zone_name: ZoneGroups::read(&settings.proxy_primary_zone_name),
        target_db_server: settings.target_db_server.servers.clone(),
        enable_primary_zone: settings.enable_primary_zone,
        enable_cached_server: settings.enable_cached_server,
        enable_single_leader_node_routing: settings.enable_single_leader_node_routing,
    }
}

/// Where discovery starts and how it asks.
pub(super) fn discovery_config(settings: &Settings) -> DiscoveryConfig {
    DiscoveryConfig {
        rootservice_list: settings.rootservice_list.0.clone(),
        cluster_name: cluster_name(settings),
        is_name_checked: settings.enable_cluster_checkout,
        has_metadata: routing_mode(settings) == RoutingMode::OceanBase,
        metadata_user: settings.metadata_user.clone(),
        password_stage1: settings.observer_sys_password.reveal(),
        server_state_refresh_interval: settings.server_state_refresh_interval.0,
        query_timeout: settings.short_async_task_timeout.0,
        lookup_timeout: settings.short_async_task_timeout.0,
        max_refreshes_per_second: narrow(settings.normal_pl_update_threshold.0),
        limited_refreshes_per_second: narrow(settings.limited_pl_update_threshold.0),
        detection: detection_limits(settings),
        detect_timeout: settings.detect_server_timeout.0,
        ..DiscoveryConfig::default()
    }
}

/// Who is probed. A MySQL server counts connections without a login against the proxy's address, so
/// those are never probed.
fn detection_limits(settings: &Settings) -> DetectionLimits {
    DetectionLimits {
        mode: match (routing_mode(settings), settings.server_detect_mode.0) {
            (RoutingMode::MySql, _) | (_, 0) => DetectMode::Off,
            (_, 1) => DetectMode::Suspects,
            _ => DetectMode::All,
        },
        interval: settings.server_detect_refresh_interval.0,
        fail_threshold: narrow(settings.server_detect_fail_threshold.0),
    }
}

fn routing_mode(settings: &Settings) -> RoutingMode {
    match settings.server_routing_mode.as_str() {
        "mysql" => RoutingMode::MySql,
        _ => RoutingMode::OceanBase,
    }
}

/// What sessions are told.
pub(super) fn session_settings(settings: &Settings) -> odp_session::Settings {
    let defaults = odp_session::Settings::default();
    let cluster = cluster_name(settings);
    let tenant = match settings.proxy_tenant_name.as_str() {
        "" => defaults.default_tenant,
        name => TenantName::new(name),
    };
    odp_session::Settings {
        mode: routing_mode(settings),
        version: settings.mysql_version.clone(),
        identity: ProxyIdentity {
            version: OBPROXY_VERSION.to_owned(),
            cluster: cluster.clone().filter(|_| settings.enable_cluster_checkout),
            tell_client_addr: settings.enable_client_ip_checkout,
        },
        connect: ConnectOptions {
            connect_timeout: settings.short_async_task_timeout.0,
            keepalive: keepalive([
                settings.server_tcp_keepidle.0,
                settings.server_tcp_keepintvl.0,
                settings.server_tcp_keepcnt.0,
            ]),
            ..defaults.connect
        },
        meta_login: meta_login(settings),
        client_keepalive: keepalive([
            settings.client_tcp_keepidle.0,
            settings.client_tcp_keepintvl.0,
            settings.client_tcp_keepcnt.0,
        ]),
        separators: settings.username_separator.separators().clone(),
        cluster,
        default_tenant: tenant,
        require_full_username: settings.enable_full_username,
        allow_proxyro: settings.skip_proxyro_check,
        login_timeout: settings.login_timeout.0,
        read_consistency: match settings.obproxy_read_consistency.0 {
            0 => Consistency::Strong,
            _ => Consistency::Weak,
        },
        query_timeout_delta: settings.observer_query_timeout_delta.0,
        max_attempts: narrow(settings.connect_observer_max_retries.0),
        max_clients: narrow(settings.client_max_connections.0),
        tenant_limits: settings.resource_max_connections.limits.clone(),
        max_session_bytes: narrow(settings.client_max_memory_size.0),
        max_statements: narrow(settings.max_prepared_stmt_count.0),
        max_server_statements: narrow(settings.server_prepared_stmt_count.0),
        pool_mode: pool_mode(settings.pool_mode.as_str()).unwrap_or_default(),
        pool_overrides: settings.pool_mode_overrides.overrides.clone(),
        proxy_id: u16::try_from(settings.proxy_id.0)
            .ok()
            .and_then(ProxyId::new)
            .unwrap_or(defaults.proxy_id),
    }
}

/// The proxy's own account at MySQL servers, when one was given: the default is `OceanBase`'s.
fn meta_login(settings: &Settings) -> Option<MetaLogin> {
    let given = settings.metadata_user != DiscoveryConfig::default().metadata_user;
    (given && routing_mode(settings) == RoutingMode::MySql).then(|| MetaLogin {
        user: settings.metadata_user.clone(),
        password_stage1: settings.observer_sys_password.reveal(),
        database: String::new(),
        options: ConnectOptions::default(),
    })
}

/// How many worker threads there are.
pub(super) fn worker_count(settings: &Settings) -> usize {
    match settings.work_thread_num.0 {
        0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        count => narrow(count),
    }
}

fn cluster_name(settings: &Settings) -> Option<ClusterName> {
    let name = settings.rootservice_cluster_name.as_str();
    (!name.is_empty()).then(|| ClusterName::new(name))
}

fn keepalive([idle, interval, probes]: [u64; 3]) -> Keepalive {
    Keepalive {
        idle: Duration::from_secs(idle),
        interval: Duration::from_secs(interval),
        probes: narrow(probes),
    }
}

/// A parameter whose range fits into the smaller type anyway.
fn narrow<T: TryFrom<u64> + Bounded>(value: u64) -> T {
    T::try_from(value).unwrap_or(T::LARGEST)
}

trait Bounded {
    const LARGEST: Self;
}

impl Bounded for u32 {
    const LARGEST: Self = Self::MAX;
}

impl Bounded for usize {
    const LARGEST: Self = Self::MAX;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Sources, from_option};

    fn settings(options: &str) -> Settings {
        let mut sources = Sources::default();
        sources.add(from_option(&format!(
            "rootservice_list=127.0.0.1:2881,{options}"
        )));
        sources.check().unwrap().settings
    }

    #[test]
    fn parameters_arrive_where_they_act() {
        let settings = settings(
            "rootservice_cluster_name=c1,proxy_tenant_name=t1,proxy_id=7,login_timeout=3s,\
             client_max_connections=11,resource_max_connections=t1:5,client_max_memory_size=2MB,server_tcp_keepidle=9,congestion_failure_threshold=2,\
             routing_cache_mem_limited=1K,work_thread_num=3,metadata_user=root@sys,\
             proxy_idc_name=idc1,proxy_route_policy=Follower_Only,obproxy_read_consistency=1,\
             proxy_primary_zone_name=z1;z2,target_db_server=127.0.0.1:2881,\
             location_expire_period_time=1d,enable_primary_zone=false,server_detect_mode=2,\
             detect_server_timeout=2s",
        );
        let session = session_settings(&settings);
        assert_eq!(session.default_tenant, TenantName::new("t1"));
        assert_eq!(session.cluster, Some(ClusterName::new("c1")));
        assert_eq!(session.identity.cluster, Some(ClusterName::new("c1")));
        assert_eq!(session.proxy_id.get(), 7);
        assert_eq!(session.login_timeout, Duration::from_secs(3));
        assert_eq!(session.max_clients, 11);
        assert_eq!(session.tenant_limits.of(&TenantName::new("t1")), 5);
        assert_eq!(session.max_session_bytes, 2 << 20);
        assert_eq!(session.connect.keepalive.idle, Duration::from_secs(9));
        assert_eq!(session.read_consistency, Consistency::Weak);
        let policies = policy_settings(&settings);
        assert_eq!(policies.proxy_idc_name, "idc1");
        assert_eq!(
            policies.proxy_route_policy,
            Some(ProxyRoutePolicy::FollowerOnly)
        );
        assert_eq!(policies.proxy_primary_zone_name, ZoneGroups::read("z1;z2"));
        assert!(!policies.target_db_server.is_empty() && !policies.enable_primary_zone);
        let limits = router_limits(&settings);
        assert_eq!(limits.location_expire_period_time, Duration::from_hours(24));
        assert_eq!(limits.congestion_failure_threshold, 2);
        assert_eq!(limits.location_cache_bytes, 1024);
        assert_eq!(worker_count(&settings), 3);
        let discovery = discovery_config(&settings);
        assert_eq!(discovery.metadata_user, "root@sys");
        assert_eq!(discovery.rootservice_list.len(), 1);
        assert_eq!(discovery.detection.mode, DetectMode::All);
        assert_eq!(discovery.detect_timeout, Duration::from_secs(2));
    }

    #[test]
    fn without_a_cluster_name_none_is_checked() {
        let session = session_settings(&settings("enable_cluster_checkout=true"));
        assert_eq!(session.cluster, None);
        assert_eq!(session.identity.cluster, None);
        let named = settings("rootservice_cluster_name=c1,enable_cluster_checkout=false");
        let session = session_settings(&named);
        assert_eq!(session.cluster, Some(ClusterName::new("c1")));
        assert_eq!(session.identity.cluster, None);
    }
}
