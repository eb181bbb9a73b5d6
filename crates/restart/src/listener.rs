//! Listening sockets: opened once by the coordinator, passed to every generation.

use crate::Error;
use crate::message::ListenerMeta;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// A listener to open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenerSpec {
    /// What it is for, for example `mysql`; generations find it by this name.
    pub name: String,
    /// Where to listen; port 0 lets the kernel choose.
    pub addr: SocketAddr,
    /// How many connections may wait while no generation accepts.
    pub backlog: i32,
}

/// The open listeners. They live as long as the coordinator, so that the kernel queues clients while
/// no generation accepts.
#[derive(Debug)]
pub struct Listeners(Vec<(ListenerMeta, TcpListener)>);

impl Listeners {
    /// Opens every listener, or none.
    ///
    /// # Errors
    /// [`Error::Listen`] for the first one that cannot be opened.
    pub fn open(specs: &[ListenerSpec]) -> Result<Self, Error> {
        specs
            .iter()
            .map(open_one)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// No listener at all.
    pub(crate) fn none() -> Self {
        Self(Vec::new())
    }

    /// Where the listener called `name` really listens (the port, when 0 was asked for).
    #[must_use]
    pub fn addr(&self, name: &str) -> Option<SocketAddr> {
        self.0
            .iter()
            .find(|(meta, _)| meta.name == name)
            .map(|(meta, _)| meta.addr)
    }

    pub(crate) fn metas(&self) -> Vec<ListenerMeta> {
        self.0.iter().map(|(meta, _)| meta.clone()).collect()
    }

    pub(crate) fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        self.0
            .iter()
            .map(|(_, listener)| listener.as_fd())
            .collect()
    }
}

fn open_one(spec: &ListenerSpec) -> Result<(ListenerMeta, TcpListener), Error> {
    let open = || -> io::Result<(SocketAddr, TcpListener)> {
        let socket = Socket::new(
            Domain::for_address(spec.addr),
            Type::STREAM.nonblocking().cloexec(),
            Some(Protocol::TCP),
        )?;
        socket.set_reuse_address(true)?;
        socket.bind(&spec.addr.into())?;
        socket.listen(spec.backlog)?;
        let listener = TcpListener::from(socket);
        Ok((listener.local_addr()?, listener))
    };
    let (addr, listener) = open().map_err(|source| Error::Listen {
        name: spec.name.clone(),
        addr: spec.addr,
        source,
    })?;
    let name = spec.name.clone();
    Ok((ListenerMeta { name, addr }, listener))
}

/// A listener that arrived in an offer.
#[derive(Debug)]
pub struct OfferedListener {
    /// What it is for.
    pub name: String,
    /// Where it listens.
    pub addr: SocketAddr,
    /// The non-blocking socket.
    pub listener: TcpListener,
}

impl OfferedListener {
    /// Pairs a description with its descriptor and checks that they belong together.
    pub(crate) fn accept(meta: ListenerMeta, descriptor: OwnedFd) -> Result<Self, Error> {
        let listens = SockRef::from(&descriptor).is_listener()?;
        let listener = TcpListener::from(descriptor);
        if !listens || listener.local_addr()? != meta.addr {
            return Err(Error::Protocol(
                "an offered descriptor is not the announced listener",
            ));
        }
        listener.set_nonblocking(true)?;
        Ok(Self {
            name: meta.name,
            addr: meta.addr,
            listener,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(addr: &str) -> ListenerSpec {
        ListenerSpec {
            name: "mysql".to_owned(),
            addr: addr.parse().unwrap(),
            backlog: 16,
        }
    }

    #[test]
    fn port_zero_is_told_as_the_port_that_the_kernel_chose() {
        let listeners = Listeners::open(&[spec("127.0.0.1:0")]).unwrap();
        assert_ne!(listeners.addr("mysql").unwrap().port(), 0);
        assert_eq!(listeners.addr("other"), None);
    }

    #[test]
    fn a_taken_port_is_named_in_the_error() {
        let listeners = Listeners::open(&[spec("127.0.0.1:0")]).unwrap();
        let addr = listeners.addr("mysql").unwrap();
        let error = Listeners::open(&[spec(&addr.to_string())]).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(&addr.to_string()), "{text}");
        assert!(text.contains("in use"), "{text}");
    }

    #[test]
    fn a_descriptor_that_is_not_the_announced_listener_is_refused() {
        let listeners = Listeners::open(&[spec("127.0.0.1:0"), spec("127.0.0.1:0")]).unwrap();
        let metas = listeners.metas();
        let other = listeners.descriptors()[1].try_clone_to_owned().unwrap();
        assert!(OfferedListener::accept(metas[0].clone(), other).is_err());
        let own = listeners.descriptors()[0].try_clone_to_owned().unwrap();
        assert!(OfferedListener::accept(metas[0].clone(), own).is_ok());
    }
}
