//! A data plane without its coordinator, and the coordinator that takes it over.
//!
//! The data plane waits on a Unix socket in the state folder; whoever connects under the same user id
//! is its coordinator from then on.

use crate::channel::Channel;
use crate::generation::Running;
use crate::listener::{Listeners, OfferedListener};
use crate::message::{Estate, Heartbeat, Hello, ListenerMeta, Up};
use crate::process::Process;
use crate::successor::Link;
use crate::{Error, GenerationId};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::UnixListener;

/// The socket of a data plane that waits for a coordinator; removed when this is dropped.
#[derive(Debug)]
pub struct Orphan {
    listener: UnixListener,
    path: PathBuf,
}

/// What an orphan hands to its new coordinator.
#[derive(Debug)]
pub struct Belongings<'a> {
    /// Its Hello.
    pub hello: Hello,
    /// Its number.
    pub generation: GenerationId,
    /// Its listeners by name.
    pub listeners: Vec<(&'a str, SocketAddr, &'a TcpListener)>,
    /// How it is.
    pub heartbeat: Heartbeat,
}

impl Orphan {
    /// Waits at `path`, which must lie in a folder of this user's own.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub fn wait_at(path: &Path) -> Result<Self, Error> {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        let listener = UnixListener::bind(path)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
        Ok(Self {
            listener,
            path: path.to_owned(),
        })
    }

    /// Waits for a coordinator of the same user and hands everything over. Cancel-safe until one has
    /// connected.
    ///
    /// # Errors
    /// When accepting or sending fails; another one may come.
    pub async fn adopted(&self, belongings: &Belongings<'_>) -> Result<Link, Error> {
        let own = rustix::process::geteuid().as_raw();
        let stream = loop {
            let (stream, _) = self.listener.accept().await?;
            match stream.peer_cred() {
                Ok(peer) if peer.uid() == own => break stream,
                _ => tracing::warn!("another user's process wanted to be the coordinator"),
            }
        };
        let channel = Channel::new(stream.into_std()?)?;
        let meta = |&(name, addr, _): &(&str, SocketAddr, &TcpListener)| ListenerMeta {
            name: name.to_owned(),
            addr,
        };
        let estate = Estate {
            hello: belongings.hello.clone(),
            generation: belongings.generation,
            listeners: belongings.listeners.iter().map(meta).collect(),
            heartbeat: belongings.heartbeat.clone(),
        };
        let descriptors: Vec<_> = belongings
            .listeners
            .iter()
            .map(|(_, _, listener)| listener.as_fd())
            .collect();
        channel.send(&Up::Estate(estate), &descriptors).await?;
        Ok(Link::over(channel))
    }
}

impl Drop for Orphan {
    fn drop(&mut self) {
        // The folder may be gone, too.
        std::fs::remove_file(&self.path).ok();
    }
}

/// A data plane that was found without a coordinator.
#[derive(Debug)]
pub struct Adopted {
    pub(crate) generation: GenerationId,
    pub(crate) hello: Hello,
    pub(crate) heartbeat: Heartbeat,
    pub(crate) listeners: Listeners,
    pub(crate) running: Running,
}

impl Adopted {
    /// How long a data plane may take to hand itself over.
    const PATIENCE: Duration = Duration::from_secs(2);

    /// Takes over the data plane that waits at `path`; none when none does.
    ///
    /// # Errors
    /// When one waits there, but cannot be taken over.
    pub async fn find(path: &Path) -> Result<Option<Self>, Error> {
        let Ok(stream) = std::os::unix::net::UnixStream::connect(path) else {
            return Ok(None);
        };
        let found = tokio::time::timeout(Self::PATIENCE, Self::take(stream)).await;
        found.unwrap_or(Err(Error::Closed)).map(Some)
    }

    async fn take(stream: std::os::unix::net::UnixStream) -> Result<Self, Error> {
        let peer = rustix::net::sockopt::socket_peercred(&stream).map_err(std::io::Error::from)?;
        if peer.uid != rustix::process::geteuid() {
            return Err(Error::Protocol("the data plane belongs to another user"));
        }
        let pid = peer.pid.as_raw_nonzero().get().unsigned_abs();
        let mut channel = Channel::new(stream)?;
        let (message, descriptors) = channel.recv::<Up>().await?;
        let Up::Estate(estate) = message else {
            return Err(Error::Protocol("expected an estate"));
        };
        if descriptors.len() != estate.listeners.len() {
            return Err(Error::Protocol("the estate lacks listeners"));
        }
        let listeners = estate
            .listeners
            .into_iter()
            .zip(descriptors)
            .map(|(meta, descriptor)| OfferedListener::accept(meta, descriptor))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            generation: estate.generation,
            hello: estate.hello,
            heartbeat: estate.heartbeat,
            listeners: Listeners::from_offered(listeners),
            running: Running {
                process: Process::open(pid)?,
                channel,
                stderr: None,
            },
        })
    }

    /// Its listeners.
    #[must_use]
    pub fn listeners(&self) -> &Listeners {
        &self.listeners
    }

    /// Lets it end its sessions by itself: its listeners are not those that are wanted.
    pub async fn dismiss(self) {
        let order = crate::message::Down::Drain {
            deadline_ms: Some(0),
            pace: crate::event::Pace::AtOnce,
        };
        // It ends by its own deadline when this does not reach it.
        self.running.channel.send(&order, &[]).await.ok();
    }
}
