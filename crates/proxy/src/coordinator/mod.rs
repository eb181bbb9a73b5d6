//! `odp serve`: opens the listeners, starts the data plane, serves the admin endpoint, obeys signals.

mod operations;
mod signals;

pub(crate) use signals::Signals;

use crate::command_line::Serve;
use crate::config::{Config, Settings};
use crate::error::Error;
use crate::logging;
use odp_admin::Limits;
use odp_restart::{
    Coordinator, DescriptorLimit, Handle, ListenerSpec, Listeners, State, Timing,
    raise_descriptor_limit,
};
use operations::ProxyOperations;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The name under which generations find the listener for applications.
pub(crate) const MYSQL_LISTENER: &str = "mysql";
/// Connections that the kernel queues while no generation accepts; it cuts this to `somaxconn`.
const BACKLOG: i32 = 4096;

/// Runs until a signal ends it.
pub(crate) fn serve(arguments: &Serve) -> Result<(), Error> {
    let config = arguments.sources().check()?;
    logging::start(&config.settings);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::Runtime)?;
    runtime.block_on(async {
        let signals = Signals::take()?;
        let proxy = Proxy::open(&config).await?;
        tracing::info!(mysql = %proxy.mysql, admin = %proxy.admin, "listening");
        let announcer = tokio::spawn(announce(proxy.handle.clone(), proxy.mysql, proxy.admin));
        let signals = signals.obey(proxy.handle.clone());
        proxy.run().await;
        signals.abort();
        announcer.abort();
        tracing::info!("ended");
        Ok(())
    })
}

/// A proxy whose listeners are open and whose data plane is not yet started.
pub(crate) struct Proxy {
    /// Where applications connect.
    pub(crate) mysql: SocketAddr,
    /// Where the admin endpoint is.
    pub(crate) admin: SocketAddr,
    /// The hold on the coordinator.
    pub(crate) handle: Handle,
    coordinator: Coordinator,
    server: odp_admin::Server<ProxyOperations>,
    admin_listener: tokio::net::TcpListener,
}

impl Proxy {
    /// Opens every listener.
    ///
    /// # Errors
    /// When a port is taken, or this binary cannot be found.
    pub(crate) async fn open(config: &Config) -> Result<Self, Error> {
        let settings = &config.settings;
        for warning in &config.warnings {
            tracing::warn!("{warning}");
        }
        let limit = raise_descriptor_limit();
        tracing::info!(
            descriptors = limit.descriptors,
            sessions = limit.sessions(),
            "limit of open descriptors"
        );
        if let Some(warning) = descriptor_warning(settings, limit) {
            tracing::warn!("{warning}");
        }
        let listeners = Listeners::open(&[ListenerSpec {
            name: MYSQL_LISTENER.to_owned(),
            addr: SocketAddr::new(settings.local_bound_ip, settings.listen_port.0),
            backlog: BACKLOG,
        }])?;
        let mysql = listeners
            .addr(MYSQL_LISTENER)
            .ok_or_else(|| Error::Usage("no listener".to_owned()))?;
        let admin = SocketAddr::new(settings.admin_bind, settings.prometheus_listen_port.0);
        let admin_listener = listen_for_http("admin", admin).await?;
        let admin = admin_listener.local_addr().map_err(Error::Runtime)?;
        let (coordinator, handle) = Coordinator::new(coordinator_settings(settings)?, listeners);
        let operations = ProxyOperations::new(handle.clone(), mysql, settings);
        let access = config.access.clone();
        let server = odp_admin::Server::new(Arc::new(operations), access, Limits::default());
        Ok(Self {
            mysql,
            admin,
            handle,
            coordinator,
            server,
            admin_listener,
        })
    }

    /// Serves until the coordinator has ended.
    pub(crate) async fn run(self) {
        let tasks = TaskTracker::new();
        let stop = CancellationToken::new();
        tasks.spawn(self.server.run(self.admin_listener, stop.clone()));
        self.coordinator.run().await;
        stop.cancel();
        tasks.close();
        tasks.wait().await;
    }
}

/// Opens a listener for HTTP.
pub(crate) async fn listen_for_http(
    name: &'static str,
    addr: SocketAddr,
) -> Result<tokio::net::TcpListener, Error> {
    tokio::net::TcpListener::bind(addr)
        .await
        .map_err(|source| Error::Listen { name, addr, source })
}

/// What is to be said when fewer sessions fit than may come.
pub(crate) fn descriptor_warning(settings: &Settings, limit: DescriptorLimit) -> Option<String> {
    let fits = limit.sessions()?;
    let wanted = settings.client_max_connections.0;
    (wanted > fits).then(|| {
        format!(
            "client_max_connections = {wanted}, but the limit of open descriptors leaves room for \
             {fits} sessions only; raise it (ulimit -Hn, LimitNOFILE=)"
        )
    })
}

fn coordinator_settings(settings: &Settings) -> Result<odp_restart::Settings, Error> {
    Ok(odp_restart::Settings {
        binary: std::env::current_exe().map_err(Error::Runtime)?,
        arguments: vec!["data-plane".into()],
        config: settings.to_bytes()?,
        timing: Timing {
            ready_timeout: settings.hot_restart_ready_timeout.0,
            hang_timeout: settings.data_plane_hang_timeout.0,
            exit_delay: settings.graceful_exit_delay.0,
            drain_timeout: settings.hot_upgrade_exit_timeout.0,
        },
    })
}

/// Says `ready` once, when the first data plane serves.
async fn announce(mut handle: Handle, mysql: SocketAddr, admin: SocketAddr) {
    while let Some(status) = handle.changed().await {
        if status.state == State::Running {
            tracing::info!(%mysql, %admin, data_plane = status.data_plane, "ready");
            return;
        }
    }
}
