//! Where a coordinator begins: after its own replacement, beside a data plane that lost its
//! coordinator, stopped as the operator left it, or from nothing.

use super::notify::Notifier;
use super::planner::mysql_listener;
use super::state_dir::{Desired, StateDir};
use super::{MYSQL_LISTENER, admin_addr};
use crate::config::Settings;
use crate::error::Error;
use odp_restart::{Adopted, Listeners, RESUME_VARIABLE, Resumed, Start};
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, UnixListener};

/// What a coordinator begins with.
pub(super) struct Beginning {
    pub(super) start: Start,
    /// Where clients connect, or would.
    pub(super) mysql: SocketAddr,
    /// The admin endpoint's listener, if it is open already.
    pub(super) admin: Option<TcpListener>,
    /// The one for this user's own requests, likewise.
    pub(super) owner: Option<UnixListener>,
    /// The task that the coordinator's replacement ends.
    pub(super) upgrade: Option<u64>,
}

impl Beginning {
    /// How long a port that a data plane without coordinator still holds is waited for: it is about to
    /// be found.
    const PATIENCE: Duration = Duration::from_secs(3);
    const PEEK: Duration = Duration::from_millis(20);

    /// From nothing.
    pub(super) fn fresh(settings: &Settings) -> Result<Self, Error> {
        let listeners = Listeners::open(&[mysql_listener(settings, configured(settings))])?;
        Ok(Self::serving(listeners, settings))
    }

    /// Finds out.
    pub(super) async fn find(settings: &Settings, state: &StateDir) -> Result<Self, Error> {
        let own_pid = std::process::id().to_string();
        if std::env::var(RESUME_VARIABLE).is_ok_and(|pid| pid == own_pid) {
            return Self::resumed(settings).await;
        }
        let kept = Notifier::kept_listeners();
        let specs = [mysql_listener(settings, configured(settings))];
        let deadline = Instant::now() + Self::PATIENCE;
        let mut kept = Listeners::take(&specs, kept)?;
        loop {
            if let Some(adopted) = Self::adopted(settings, state.path()).await {
                return Ok(adopted);
            }
            if state.desired() == Desired::Stopped {
                return Ok(Self {
                    start: Start::Stopped,
                    mysql: configured(settings),
                    admin: None,
                    owner: None,
                    upgrade: None,
                });
            }
            if let Some(listeners) = kept.take() {
                tracing::info!("the service manager kept the listeners");
                return Ok(Self::serving(listeners, settings));
            }
            match Listeners::open(&specs) {
                Ok(listeners) => return Ok(Self::serving(listeners, settings)),
                Err(error) if Instant::now() >= deadline => return Err(error.into()),
                Err(_) => tokio::time::sleep(Self::PEEK).await,
            }
        }
    }

    fn serving(listeners: Listeners, settings: &Settings) -> Self {
        Self {
            mysql: listeners
                .addr(MYSQL_LISTENER)
                .unwrap_or_else(|| configured(settings)),
            start: Start::Serving(listeners),
            admin: None,
            owner: None,
            upgrade: None,
        }
    }

    async fn resumed(settings: &Settings) -> Result<Self, Error> {
        let resumed = Resumed::from_stdin().await?;
        let mut companions = resumed.companions.into_iter();
        let admin = companions.next().and_then(|admin| listener(admin).ok());
        let owner = companions
            .next()
            .and_then(|owner| UnixListener::from_std(owner.into()).ok());
        let wanted = admin_addr(settings);
        let fits = |listener: &TcpListener| {
            listener.local_addr().is_ok_and(|addr| {
                addr.ip() == wanted.ip() && [0, addr.port()].contains(&wanted.port())
            })
        };
        let (id, adopted) = (resumed.operation.id, resumed.adopted);
        tracing::info!(task = id, "the coordinator has been replaced in place");
        Ok(Self {
            mysql: addr_of(&adopted, settings),
            start: Start::Adopted(Box::new(adopted), Some(resumed.operation)),
            admin: admin.filter(fits),
            owner,
            upgrade: Some(id),
        })
    }

    async fn adopted(settings: &Settings, state_dir: &Path) -> Option<Self> {
        let found = Adopted::find(&StateDir::control_socket(state_dir)).await;
        let adopted = match found {
            Ok(adopted) => adopted?,
            Err(error) => {
                tracing::warn!(%error, "a data plane without coordinator cannot be taken over");
                return None;
            }
        };
        let specs = [mysql_listener(settings, configured(settings))];
        if !adopted.listeners().match_specs(&specs) {
            tracing::warn!("a data plane without coordinator listens elsewhere: it is sent away");
            adopted.dismiss().await;
            return None;
        }
        tracing::info!("a data plane without coordinator is taken over");
        Some(Self {
            mysql: addr_of(&adopted, settings),
            start: Start::Adopted(Box::new(adopted), None),
            admin: None,
            owner: None,
            upgrade: None,
        })
    }
}

/// The socket for this user's own requests; without it the proxy works all the same.
pub(super) fn listen_for_owner(state_dir: &Path) -> Option<UnixListener> {
    let path = StateDir::admin_socket(state_dir);
    let listen = || -> io::Result<UnixListener> {
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&path)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        Ok(listener)
    };
    match listen() {
        Ok(listener) => Some(listener),
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "no admin socket");
            None
        }
    }
}

fn configured(settings: &Settings) -> SocketAddr {
    SocketAddr::new(settings.local_bound_ip, settings.listen_port.0)
}

fn addr_of(adopted: &Adopted, settings: &Settings) -> SocketAddr {
    adopted
        .listeners()
        .addr(MYSQL_LISTENER)
        .unwrap_or_else(|| configured(settings))
}

fn listener(descriptor: OwnedFd) -> io::Result<TcpListener> {
    let listener = std::net::TcpListener::from(descriptor);
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}
