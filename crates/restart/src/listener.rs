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
    /// Takes listeners that came from another process.
    pub(crate) fn from_offered(offered: Vec<OfferedListener>) -> Self {
        let take = |offered: OfferedListener| {
            let meta = ListenerMeta {
                name: offered.name,
                addr: offered.addr,
            };
            (meta, offered.listener)
        };
        Self(offered.into_iter().map(take).collect())
    }

    /// Whether these are the listeners that `specs` ask for; port 0 is content with any port.
    #[must_use]
    pub fn match_specs(&self, specs: &[ListenerSpec]) -> bool {
        let matches = |spec: &ListenerSpec| {
            self.addr(&spec.name).is_some_and(|addr| {
                addr.ip() == spec.addr.ip() && [0, addr.port()].contains(&spec.addr.port())
            })
        };
        specs.len() == self.0.len() && specs.iter().all(matches)
    }

    /// Whether a generation with these specs may serve: these are its listeners, or there are none yet.
    pub(crate) fn may_serve(&self, specs: &[ListenerSpec]) -> bool {
        self.0.is_empty() || self.match_specs(specs)
    }

    /// Takes listeners that were opened by somebody else, for example a service manager that keeps
    /// them, and gives those back that are not what `specs` asks for.
    ///
    /// # Errors
    /// When a descriptor cannot be asked.
    pub fn take(
        specs: &[ListenerSpec],
        found: Vec<(String, OwnedFd)>,
    ) -> Result<Option<Self>, Error> {
        let mut listeners = Vec::new();
        for (name, descriptor) in found {
            let Some(spec) = specs.iter().find(|spec| spec.name == name) else {
                continue;
            };
            let listens = SockRef::from(&descriptor).is_listener()?;
            let listener = TcpListener::from(descriptor);
            let addr = listener.local_addr()?;
            if listens && addr.ip() == spec.addr.ip() {
                listener.set_nonblocking(true)?;
                listeners.push((ListenerMeta { name, addr }, listener));
            }
        }
        let listeners = Self(listeners);
        Ok(Some(listeners).filter(|listeners| listeners.match_specs(specs)))
    }

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

    /// Copies of the listening sockets with their names, for a service manager to keep.
    ///
    /// # Errors
    /// When there is no descriptor left.
    pub fn copies(&self) -> Result<Vec<(String, OwnedFd)>, Error> {
        let copy = |(meta, listener): &(ListenerMeta, TcpListener)| {
            Ok((meta.name.clone(), listener.try_clone()?.into()))
        };
        self.0.iter().map(copy).collect()
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
