//! `odp serve`: opens the listeners, starts the data plane, serves the admin endpoint, obeys signals.

mod beginning;
mod drained_servers;
mod endpoint_file;
mod notify;
mod operations;
mod planner;
mod reaper;
mod rendering;
mod signals;
mod state_dir;
mod task_book;

pub(crate) use endpoint_file::EndpointFile;
pub(crate) use signals::Signals;
pub(crate) use state_dir::StateDir;

use crate::command_line::Serve;
use crate::config::{Config, Settings};
use crate::data_plane::PROCESS_NAME;
use crate::error::Error;
use crate::logging;
use beginning::Beginning;
use drained_servers::DrainedServers;
use notify::Notifier;
use odp_admin::Limits;
use odp_restart::{Coordinator, DescriptorLimit, Handle, Program, State, raise_descriptor_limit};
use operations::ProxyOperations;
use planner::{DiskPlanner, ReadConfig};
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use task_book::TaskBook;
use tokio::net::UnixListener;
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
    // After an upgrade the kernel knows the process by the number of a descriptor.
    std::fs::write("/proc/self/comm", PROCESS_NAME).ok();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        // The signals are the main thread's, so that it alone decides when they are held back.
        .on_thread_start(|| odp_sys::hold_back_end_signals().unwrap_or_default())
        .build()
        .map_err(Error::Runtime)?;
    runtime.block_on(async {
        let signals = Signals::take()?;
        let reaper = tokio::spawn(reaper::run());
        let state = Arc::new(StateDir::open(&StateDir::path_for(&config.settings))?);
        let read = {
            let arguments = arguments.clone();
            Box::new(move || arguments.sources().check())
        };
        let notifier = Notifier::from_environment();
        let beginning = Beginning::find(&config.settings, &state).await?;
        let origin = Origin {
            state: Some(state),
            read,
            check: arguments.check_arguments(),
            notifier,
        };
        let proxy = Proxy::begin(&config, beginning, origin).await?;
        tracing::info!(mysql = %proxy.mysql, admin = %proxy.admin, "listening");
        let announcer = tokio::spawn(announce(proxy.handle.clone(), proxy.mysql, proxy.admin));
        let signals = signals.obey(proxy.handle.clone());
        proxy.run().await;
        signals.abort();
        announcer.abort();
        reaper.abort();
        notifier.ending();
        tracing::info!("ended");
        Ok(())
    })
}

/// What a proxy knows of where it came from.
struct Origin {
    /// Where its state is kept; none keeps nothing.
    state: Option<Arc<StateDir>>,
    read: ReadConfig,
    check: Vec<std::ffi::OsString>,
    notifier: Notifier,
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
    owner_listener: Option<UnixListener>,
    book: Arc<TaskBook>,
    notifier: Notifier,
    /// Removed with the proxy.
    _endpoint: Option<EndpointFile>,
}

impl Proxy {
    /// Opens every listener of a proxy that keeps nothing and is adopted by nobody.
    ///
    /// # Errors
    /// When a port is taken, or this binary cannot be found.
    pub(crate) async fn open(config: &Config) -> Result<Self, Error> {
        let constant = config.clone();
        let origin = Origin {
            state: None,
            read: Box::new(move || Ok(constant.clone())),
            check: vec!["--version".into()],
            notifier: Notifier::none(),
        };
        let beginning = Beginning::fresh(&config.settings)?;
        Self::begin(config, beginning, origin).await
    }

    async fn begin(config: &Config, beginning: Beginning, origin: Origin) -> Result<Self, Error> {
        let settings = &config.settings;
        warn_of(config);
        let admin_listener = match beginning.admin {
            Some(listener) => listener,
            None => listen_for_http("admin", admin_addr(settings)).await?,
        };
        let admin = admin_listener.local_addr().map_err(Error::Runtime)?;
        let mysql = beginning.mysql;
        let state_dir = origin.state.as_ref().map(|state| state.path().to_owned());
        let program = Program::open(&std::env::current_exe().map_err(Error::Runtime)?)?;
        let plan = planner::plan(settings.clone(), program, state_dir.as_deref(), mysql)
            .map_err(Error::Usage)?;
        let listen = || beginning::listen_for_owner(state_dir.as_deref()?);
        let owner_listener = beginning.owner.or_else(listen);
        // Commands that follow an upgrade find nobody else behind the sockets that they know.
        let mut companions = vec![copy(&admin_listener)?];
        if let Some(owner) = &owner_listener {
            companions.push(copy(owner)?);
        }
        let mut drained = DrainedServers::open(origin.state.clone());
        let coordinator_settings = odp_restart::Settings {
            plan,
            planner: Arc::new(DiskPlanner {
                read: origin.read,
                check: origin.check,
                state_dir: state_dir.clone(),
                mysql,
                keeper: origin.notifier,
            }),
            arguments: vec!["data-plane".into()],
            notice: drained.notice(),
            own_arguments: std::env::args_os().skip(1).collect(),
            companions,
        };
        let (coordinator, handle) = Coordinator::new(coordinator_settings, beginning.start)?;
        let book = Arc::new(TaskBook::open(origin.state, beginning.upgrade));
        book.take(&handle.status().operations);
        let operations =
            ProxyOperations::new(handle.clone(), mysql, settings, Arc::clone(&book), drained);
        let server = odp_admin::Server::new(
            Arc::new(operations),
            config.access.clone(),
            Limits::default(),
        );
        Ok(Self {
            mysql,
            admin,
            handle,
            coordinator,
            server,
            admin_listener,
            owner_listener,
            book,
            notifier: origin.notifier,
            _endpoint: state_dir
                .as_deref()
                .and_then(|state_dir| EndpointFile::write(admin.port(), state_dir, settings)),
        })
    }

    /// Serves until the coordinator has ended.
    pub(crate) async fn run(self) {
        let tasks = TaskTracker::new();
        let stop = CancellationToken::new();
        let server = self.server;
        tasks.spawn(server.run(self.admin_listener, self.owner_listener, stop.clone()));
        let (book, handle) = (self.book, self.handle);
        tasks.spawn({
            let handle = handle.clone();
            async move { book.follow(handle).await }
        });
        tasks.spawn(self.notifier.follow(handle));
        self.coordinator.run().await;
        stop.cancel();
        tasks.close();
        tasks.wait().await;
    }
}

/// Where the admin endpoint is by the configuration.
pub(crate) fn admin_addr(settings: &Settings) -> SocketAddr {
    SocketAddr::new(settings.admin_bind, settings.prometheus_listen_port.0)
}

fn copy(listener: &impl AsFd) -> Result<OwnedFd, Error> {
    listener
        .as_fd()
        .try_clone_to_owned()
        .map_err(Error::Runtime)
}

fn warn_of(config: &Config) {
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    let limit = raise_descriptor_limit();
    tracing::info!(
        descriptors = limit.descriptors,
        sessions = limit.sessions(),
        "limit of open descriptors"
    );
    if let Some(warning) = descriptor_warning(&config.settings, limit) {
        tracing::warn!("{warning}");
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

/// Says `ready` once, when the first data plane serves.
async fn announce(mut handle: Handle, mysql: SocketAddr, admin: SocketAddr) {
    loop {
        let status = handle.status();
        match status.state {
            State::Running => {
                tracing::info!(%mysql, %admin, data_plane = status.data_plane, "ready");
                return;
            }
            State::Stopped => {
                tracing::warn!("stopped, as the operator left it; `odp start` serves again");
                return;
            }
            _ => {}
        }
        if handle.changed().await.is_none() {
            return;
        }
    }
}
