//! Every parameter, once: its type, default, range and meaning.
//!
//! Names, defaults and ranges are `OBProxy`'s where it has the parameter (`ob_proxy_config.h`).
//! The struct, the reader and the documentation all come from this one table; a test holds
//! `config/odp.toml` against it.

use super::bounds::Bounds;
use super::pool_overrides::PoolOverrides;
use super::reader::Reader;
use super::target_list::TargetList;
use super::tenant_limit_list::TenantLimitList;
use super::value::{
    Bytes, Count, PasswordHash, Port, Secret, SeparatorList, ServerList, Span, TimeLimit, Value,
    Word,
};
use std::net::IpAddr;

/// A line of the table, for those who list, check or document parameters.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parameter {
    /// Its key in the configuration file.
    pub(crate) name: &'static str,
    /// The value without any configuration.
    pub(crate) default: &'static str,
    /// What it may be.
    pub(crate) bounds: Bounds,
    /// What it does, in lines.
    pub(crate) meaning: &'static [&'static str],
    /// Whether its value is never shown.
    pub(crate) secret: bool,
}

macro_rules! parameters {
    ($($(#[doc = $meaning:literal])+ $name:ident: $kind:ty = $default:literal, $bounds:expr;)+) => {
        /// The whole configuration, checked.
        #[derive(Debug, Clone)]
        pub(crate) struct Settings {
            $(pub(crate) $name: $kind,)+
        }

        /// The table itself.
        pub(crate) const PARAMETERS: &[Parameter] = &[
            $(Parameter {
                name: stringify!($name),
                default: $default,
                bounds: $bounds,
                meaning: &[$($meaning),+],
                secret: <$kind as Value>::SECRET,
            },)+
        ];

        impl Settings {
            /// Reads every parameter; the reader keeps the problems of all of them.
            pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
                let mut parameters = PARAMETERS.iter();
                $(let $name: Option<$kind> = reader.read(parameters.next()?);)+
                Some(Self { $($name: $name?,)+ })
            }

            /// Every parameter with its value as text, secrets included: for the control channel only.
            pub(super) fn texts(&self) -> Vec<(&'static str, String)> {
                vec![$((stringify!($name), self.$name.print()),)+]
            }
        }
    };
}

parameters! {
    /// The port that applications connect to; 0 takes any free one.
    listen_port: Port = "2883", Bounds::Number(1025, 65535);
    /// The port of the admin endpoint (HTTP: health, metrics, status); 0 takes any free one.
    prometheus_listen_port: Port = "2884", Bounds::Number(1025, 65535);
    /// The address that applications connect to; :: takes IPv6 as well.
    local_bound_ip: IpAddr = "0.0.0.0", Bounds::Any;
    /// The address of the admin endpoint; beyond the loopback it needs an admin token.
    admin_bind: IpAddr = "127.0.0.1", Bounds::Any;
    /// The token that the admin endpoint asks for, at least 8 characters; empty asks for none.
    /// The environment variable ODP_ADMIN_TOKEN sets it too.
    admin_token: Secret = "", Bounds::Any;
    /// A file that holds the admin token, instead of admin_token.
    admin_token_file: String = "", Bounds::Any;
    /// The name of this proxy in metrics (label logicTenant).
    app_name: String = "undefined", Bounds::Any;
    /// Where the proxy keeps what must outlive it; empty chooses a folder by user and port.
    state_dir: String = "", Bounds::Any;

    /// OBServers to start from: ip:port;ip:port, with the SQL port (usually 2881).
    rootservice_list: ServerList = "", Bounds::Any;
    /// The name of the cluster behind rootservice_list; empty takes the name that it gives itself.
    rootservice_cluster_name: String = "", Bounds::Any;
    /// The tenant of user names that give none; empty means sys.
    proxy_tenant_name: String = "", Bounds::Any;
    /// Who reads the cluster's metadata: user@tenant.
    metadata_user: String = "proxyro@sys", Bounds::Any;
    /// The SHA1 of the metadata user's password in 40 hexadecimal digits; empty for no password.
    /// The environment variable of the same name sets it too.
    observer_sys_password: PasswordHash = "", Bounds::Any;
    /// How often servers, zones and tenants are asked for.
    server_state_refresh_interval: Span = "20s", Bounds::Time("10ms", "1h");
    /// How long a connection to a server, or a question about metadata, may take.
    short_async_task_timeout: Span = "5s", Bounds::Time("1s", "1h");
    /// Background refreshes of table locations per second.
    normal_pl_update_threshold: Count = "100", Bounds::Number(0, 1_000_000);
    /// The same, for 15 seconds after more were wanted in one second.
    limited_pl_update_threshold: Count = "10", Bounds::Number(0, 1_000_000);
    /// What is behind the proxy: an OceanBase cluster, or the MySQL or MariaDB servers of the list.
    server_routing_mode: Word = "oceanbase", Bounds::OneOf(&["oceanbase", "mysql"]);

    /// The number of this proxy in connection ids; must differ between proxies of one cluster.
    proxy_id: Count = "0", Bounds::Number(0, 8191);
    /// The server version that clients see before their login; empty takes the servers' own.
    mysql_version: String = "", Bounds::Any;
    /// The separators of user names in the form cluster:tenant:user, with ; between them.
    username_separator: SeparatorList = ":;-;.", Bounds::Any;
    /// Whether user names must name tenant and cluster.
    enable_full_username: bool = "false", Bounds::Any;
    /// Whether clients may log in as proxyro@sys.
    skip_proxyro_check: bool = "false", Bounds::Any;
    /// Whether the cluster's name is sent at login, so that the server checks it.
    enable_cluster_checkout: bool = "true", Bounds::Any;
    /// Whether the client's address is sent at login, so that the server checks it.
    enable_client_ip_checkout: bool = "true", Bounds::Any;
    /// Clients at a time; further ones get error 1203; 0 is without limit.
    client_max_connections: Count = "8192", Bounds::Number(0, 1_000_000);
    /// Clients of a tenant at a time: tenant:number;tenant:number, with * for all others. Further ones get
    /// error 1040. Empty or 0 is without limit; OBProxy keeps it in its table resource_unit.
    resource_max_connections: TenantLimitList = "", Bounds::Any;
    /// What one client's session may keep in memory: texts of its prepared statements and values of its
    /// variables. Beyond it statements get error 4080; 0 is without limit.
    client_max_memory_size: Bytes = "8MB", Bounds::Size("0", "100GB");
    /// Prepared statements of one client at a time; further ones get error 1461; 0 is without limit.
    max_prepared_stmt_count: Count = "16382", Bounds::Number(0, 1_048_576);
    /// How many of them are prepared in one server session: the one that was not used for longest makes room,
    /// and is prepared again when it is wanted. 0 is without limit; a server that takes fewer is heeded.
    server_prepared_stmt_count: Count = "1024", Bounds::Number(0, 1_048_576);
    /// From a client's connection to the end of its login.
    login_timeout: Span = "10s", Bounds::Time("1s", "1h");
    /// How many servers are tried for one login or statement.
    connect_observer_max_retries: Count = "3", Bounds::Number(2, 5);
    /// How much longer than ob_query_timeout a server's answer is waited for.
    observer_query_timeout_delta: Span = "20s", Bounds::Time("1s", "30s");

    /// How clients share server sessions: off, not at all; session, a client's go to the next when it
    /// leaves; transaction, they go to the next at the end of each transaction. Only clients whose
    /// password the proxy can check itself share, and only with those that a server cannot tell apart.
    pool_mode: Word = "session", Bounds::OneOf(&["off", "session", "transaction"]);
    /// Another pool_mode for some: tenant=mode;user@tenant=mode. The last that fits counts.
    pool_mode_overrides: PoolOverrides = "", Bounds::Any;
    /// Server sessions of one account at one server: how many are kept idle, and with transaction
    /// pooling how many there may be; 0 is without limit.
    pool_max: Count = "64", Bounds::Number(0, 100_000);
    /// How many of them are kept ready, opened ahead, for each group of clients that a server cannot tell
    /// apart, while it is in use.
    pool_min_idle: Count = "0", Bounds::Number(0, 10_000);
    /// How long a server session may be idle in the pool.
    pool_idle_timeout: Span = "5m", Bounds::Time("1s", "1d");
    /// The age at which a server session is given up; a tenth of it is left to chance.
    pool_max_age: Span = "1h", Bounds::Time("1s", "30d");
    /// How long a server session may be idle before it is asked whether it still lives.
    pool_ping_after: Span = "10s", Bounds::Time("0s", "1d");
    /// How long a client waits for a server session, or for its turn to log in.
    pool_wait_timeout: Span = "5s", Bounds::Time("1ms", "10m");
    /// How many clients may wait for the server sessions of one account at one server.
    pool_max_waiting: Count = "10000", Bounds::Number(0, 1_000_000);
    /// Logins under way at one server at once; 0 is without limit.
    connect_concurrency_max: Count = "64", Bounds::Number(0, 10_000);
    /// How often the accounts of the clients are read anew.
    credential_refresh_interval: Span = "15s", Bounds::Time("100ms", "1h");

    /// Threads that serve clients; 0 takes one for each core.
    work_thread_num: Count = "0", Bounds::Number(0, 128);
    /// Seconds of silence before a client's connection is probed; 0 leaves it to the kernel.
    client_tcp_keepidle: Count = "5", Bounds::Number(0, 7200);
    /// Seconds between two probes of a client's connection; 0 leaves it to the kernel.
    client_tcp_keepintvl: Count = "5", Bounds::Number(0, 75);
    /// Probes without an answer that end a client's connection; 0 leaves it to the kernel.
    client_tcp_keepcnt: Count = "5", Bounds::Number(0, 9);
    /// Seconds of silence before a server's connection is probed; 0 leaves it to the kernel.
    server_tcp_keepidle: Count = "5", Bounds::Number(0, 7200);
    /// Seconds between two probes of a server's connection; 0 leaves it to the kernel.
    server_tcp_keepintvl: Count = "5", Bounds::Number(0, 75);
    /// Probes without an answer that end a server's connection; 0 leaves it to the kernel.
    server_tcp_keepcnt: Count = "5", Bounds::Number(0, 9);

    /// Failures within congestion_fail_window that put a server on the blacklist.
    congestion_failure_threshold: Count = "5", Bounds::Number(1, 64);
    /// The window of the failures.
    congestion_fail_window: Span = "120s", Bounds::Time("1s", "1h");
    /// How long a listed server is left alone before one request tries it.
    congestion_retry_interval: Span = "20s", Bounds::Time("1s", "1h");
    /// How long a server that failed requests stays listed at least.
    min_keep_congestion_interval: Span = "20s", Bounds::Time("1s", "1d");
    /// How many times as long as the middle server of its region a server must take for plain reads until
    /// those that others can serve go there last; 0 compares none.
    slow_server_factor: Count = "8", Bounds::Number(0, 1000);
    /// Which servers are probed: 0 none, 1 those that somebody waits for, 2 all.
    server_detect_mode: Count = "1", Bounds::Number(0, 2);
    /// The time from one probe of a server to the next; half of OBProxy's.
    server_detect_refresh_interval: Span = "500ms", Bounds::Time("100ms", "10m");
    /// Probes in a row without an answer after which a server is dead and its connections are closed.
    server_detect_fail_threshold: Count = "3", Bounds::Number(1, 10);
    /// How long a probe waits for a server's greeting; a tenth of OBProxy's.
    detect_server_timeout: Span = "500ms", Bounds::Time("100ms", "1m");
    /// The memory of the location cache.
    routing_cache_mem_limited: Bytes = "128MB", Bounds::Size("1KB", "100G");
    /// The shortest time between two refreshes of one table's location.
    delay_update_entry_interval: Span = "5s", Bounds::Time("0s", "1d");
    /// How old a table's location may grow before it is fetched anew; 0 is without limit.
    location_expire_period_time: Span = "0s", Bounds::Time("0s", "30d");

    /// The IDC that this proxy stands in; servers near it are preferred where there is a choice.
    /// A session chooses another one with SET @proxy_idc_name.
    proxy_idc_name: String = "", Bounds::Any;
    /// Which replicas weak reads prefer; empty spreads them over the nearest ones.
    /// A session chooses otherwise with SET @proxy_route_policy.
    proxy_route_policy: Word = "",
        Bounds::OneOf(&["", "follower_first", "unmerge_follower_first", "follower_only"]);
    /// The only zones to send requests to, best first: z1,z2;z3. Empty uses all.
    proxy_primary_zone_name: String = "", Bounds::Any;
    /// The only servers to send requests to, best first: ip:port,ip:port;ip:port. Empty uses all.
    target_db_server: TargetList = "", Bounds::Any;
    /// What sessions read by before they set ob_read_consistency: 0 the leader, 1 any replica.
    obproxy_read_consistency: Count = "0", Bounds::Number(0, 1);
    /// Whether the tenant's primary zone is preferred where no location is known.
    enable_primary_zone: bool = "true", Bounds::Any;
    /// Whether a statement without a table stays on the session's last server.
    enable_cached_server: bool = "true", Bounds::Any;
    /// Whether the one server that leads all of a tenant is preferred where no location is known.
    enable_single_leader_node_routing: bool = "true", Bounds::Any;

    /// How long sessions may take to end at a stop or restart; a bare number is microseconds,
    /// -1 is without limit, 0 ends them at once.
    hot_upgrade_exit_timeout: TimeLimit = "30000000", Bounds::Time("0s", "1d");
    /// How long the proxy still accepts at a stop while /health already answers 503.
    graceful_exit_delay: Span = "5s", Bounds::Time("0s", "10m");
    /// How long a new data plane may take until it is ready.
    hot_restart_ready_timeout: Span = "10s", Bounds::Time("100ms", "10m");
    /// How long one worker thread may stand still before the data plane is replaced.
    data_plane_hang_timeout: Span = "10s", Bounds::Time("1s", "1h");
    /// How long a data plane serves without its coordinator.
    orphan_timeout: Span = "30s", Bounds::Time("0s", "1h");

    /// The level of the log.
    syslog_level: Word = "info",
        Bounds::OneOf(&["error", "user_err", "warn", "info", "ediag", "wdiag", "trace", "debug"]);
    /// The form of the log.
    log_format: Word = "human", Bounds::OneOf(&["human", "json"]);
}
