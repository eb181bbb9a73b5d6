//! The floors: proxies that only copy bytes.

pub mod blocking;
pub mod current_thread;

use crate::Error;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::hint::spin_loop;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

/// What a relay does besides copying.
#[derive(Debug, Clone)]
pub struct Task {
    /// The port that it listens on, on the loopback.
    pub port: u16,
    /// The servers behind it; clients are dealt to them in turn.
    pub servers: Vec<SocketAddr>,
    /// How long it spins on purpose for every read from a client.
    pub spin: Duration,
}

impl Task {
    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    /// The slowdown put in on purpose.
    fn spin(&self) {
        if self.spin.is_zero() {
            return;
        }
        let end = Instant::now() + self.spin;
        while Instant::now() < end {
            spin_loop();
        }
    }
}

/// A listener with a queue for many clients at once.
///
/// # Errors
/// When the port cannot be opened.
pub fn listen(addr: SocketAddr) -> Result<TcpListener, Error> {
    const QUEUE: u32 = 4096;
    let open = || {
        let socket = tokio::net::TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind(addr)?;
        socket.listen(QUEUE)
    };
    open().map_err(Error::io("open a port"))
}

/// Tells the driver on stdout that the process serves.
///
/// # Errors
/// When stdout is closed.
pub fn announce(line: &str) -> Result<(), Error> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{line}")
        .and_then(|()| stdout.flush())
        .map_err(Error::io("write to stdout"))
}

/// Raises the soft limit of descriptors to the hard one.
///
/// # Errors
/// When the kernel refuses.
pub fn raise_descriptor_limit() -> Result<(), Error> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised)
        .map_err(|error| Error::io("raise the limit of descriptors")(error.into()))
}
