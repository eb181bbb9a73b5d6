//! Why there is no authenticated connection.

use odp_cluster::ServerAddr;
use odp_protocol::stream::StreamError;
use odp_protocol::{ErrPacket, ProtocolError};
use std::io;

/// Whether trying again can help, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// The answer will be the same everywhere.
    Never,
    /// Another server may do better.
    OtherServer,
}

/// A connection to an `OBServer` that could not be opened or broke.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PoolError {
    /// The TCP connection was refused or failed.
    #[error("cannot connect to {addr}: {source}")]
    Connect {
        /// The server.
        addr: ServerAddr,
        /// What the socket reported.
        source: io::Error,
    },
    /// The server did not answer in time.
    #[error("{addr} did not finish {step} within {limit_ms} ms")]
    Timeout {
        /// The server.
        addr: ServerAddr,
        /// What it was asked.
        step: &'static str,
        /// The deadline.
        limit_ms: u128,
    },
    /// The server refused the login or a query with an ERR packet.
    #[error("{addr} answered {error}")]
    Refused {
        /// The server.
        addr: ServerAddr,
        /// Its answer.
        error: ErrPacket,
    },
    /// Every session that may be lent is in use.
    #[error("no session of {addr} became free within {waited_ms} ms")]
    Exhausted {
        /// The server.
        addr: ServerAddr,
        /// How long it was waited for.
        waited_ms: u128,
    },
    /// The connection broke or the server broke the protocol.
    #[error("connection to {addr} lost: {source}")]
    Broken {
        /// The server.
        addr: ServerAddr,
        /// What happened.
        source: StreamError,
    },
}

impl PoolError {
    /// The server that this is about.
    #[must_use]
    pub fn addr(&self) -> ServerAddr {
        match self {
            Self::Connect { addr, .. }
            | Self::Timeout { addr, .. }
            | Self::Refused { addr, .. }
            | Self::Exhausted { addr, .. }
            | Self::Broken { addr, .. } => *addr,
        }
    }

    /// Whether another server may do better. A refusal is final but for the codes with which an
    /// `OBServer` says that *it* is not the right one now (`ob_mysql_transact.cpp`: server is
    /// starting, stopping, does not hold the tenant, cannot connect to the leader).
    #[must_use]
    pub fn retry(&self) -> Retry {
        const ELSEWHERE: [u16; 4] = [8001, 8002, 5150, 4124];
        match self {
            Self::Refused { error, .. } if !ELSEWHERE.contains(&error.code) => Retry::Never,
            Self::Exhausted { .. } => Retry::Never,
            _ => Retry::OtherServer,
        }
    }

    pub(crate) fn broken(addr: ServerAddr) -> impl Fn(StreamError) -> Self {
        move |source| Self::Broken { addr, source }
    }

    pub(crate) fn protocol(addr: ServerAddr) -> impl Fn(ProtocolError) -> Self {
        move |source| Self::Broken {
            addr,
            source: source.into(),
        }
    }

    pub(crate) fn io(addr: ServerAddr) -> impl Fn(io::Error) -> Self {
        move |source| Self::Broken {
            addr,
            source: source.into(),
        }
    }
}
