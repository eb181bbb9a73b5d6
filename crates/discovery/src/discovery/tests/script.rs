//! A scripted cluster: what each server answers, and what it was asked.

use crate::{Answer, DiscoveryError, MetadataConnection, MetadataSource};
use odp_cluster::ServerAddr;
use odp_pool::PoolError;
use odp_routing::Probed;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// How a server behaves.
#[derive(Debug, Clone)]
pub(super) enum Behaviour {
    /// Nobody listens.
    Unreachable,
    /// It refuses the login with this code.
    RefusesLogin(u16),
    /// It takes the login and never answers a query.
    Hangs,
    /// It accepts connections and says nothing.
    Stopped,
    /// It answers the first of these whose text is in the query, and nothing to all else.
    Answers(Vec<(&'static str, Answer)>),
    /// It refuses every query with this code.
    RefusesQueries(u16),
}

#[derive(Debug, Clone, Default)]
pub(super) struct Script {
    servers: Arc<Mutex<HashMap<ServerAddr, Behaviour>>>,
    queries: Arc<Mutex<Vec<String>>>,
    probes: Arc<Mutex<Vec<ServerAddr>>>,
}

impl Script {
    pub(super) fn set(&self, addr: ServerAddr, behaviour: Behaviour) {
        self.servers.lock().insert(addr, behaviour);
    }

    /// The number of queries so far whose text holds `needle`.
    pub(super) fn asked(&self, needle: &str) -> usize {
        let queries = self.queries.lock();
        queries.iter().filter(|sql| sql.contains(needle)).count()
    }

    /// The number of probes so far of this server.
    pub(super) fn probed(&self, addr: ServerAddr) -> usize {
        let probes = self.probes.lock();
        probes.iter().filter(|&&probed| probed == addr).count()
    }

    fn behaviour(&self, addr: ServerAddr) -> Behaviour {
        let servers = self.servers.lock();
        servers
            .get(&addr)
            .cloned()
            .unwrap_or(Behaviour::Unreachable)
    }
}

pub(super) struct Connection {
    script: Script,
    addr: ServerAddr,
}

fn unreachable(addr: ServerAddr) -> DiscoveryError {
    let source = std::io::ErrorKind::ConnectionRefused.into();
    DiscoveryError::Unreachable(PoolError::Connect { addr, source })
}

impl MetadataSource for Script {
    type Connection = Connection;

    async fn open(&self, addr: ServerAddr) -> Result<Connection, DiscoveryError> {
        match self.behaviour(addr) {
            Behaviour::Unreachable => Err(unreachable(addr)),
            Behaviour::RefusesLogin(code) => Err(DiscoveryError::LoginRefused {
                addr,
                code,
                message: "Access denied".to_owned(),
            }),
            Behaviour::Stopped => std::future::pending().await,
            _ => Ok(Connection {
                script: self.clone(),
                addr,
            }),
        }
    }

    async fn probe(&self, addr: ServerAddr, limit: Duration) -> Probed {
        self.probes.lock().push(addr);
        match self.behaviour(addr) {
            Behaviour::Unreachable => Probed::Refused,
            Behaviour::Stopped => {
                tokio::time::sleep(limit).await;
                Probed::Silent
            }
            _ => Probed::Answered,
        }
    }
}

impl MetadataConnection for Connection {
    async fn query(&mut self, sql: &str) -> Result<Answer, DiscoveryError> {
        self.script.queries.lock().push(sql.to_owned());
        let addr = self.addr;
        match self.script.behaviour(addr) {
            Behaviour::Answers(answers) => {
                // A real answer takes time too, so that others can ask meanwhile.
                tokio::time::sleep(Duration::from_millis(1)).await;
                let found = answers.iter().find(|(needle, _)| sql.contains(needle));
                Ok(found.map(|(_, answer)| answer.clone()).unwrap_or_default())
            }
            Behaviour::RefusesQueries(code) => Err(DiscoveryError::QueryRefused {
                addr,
                code,
                message: "no such table".to_owned(),
            }),
            Behaviour::Hangs | Behaviour::Stopped => std::future::pending().await,
            Behaviour::Unreachable | Behaviour::RefusesLogin(_) => Err(unreachable(addr)),
        }
    }
}

/// An answer from text: the first line names the columns, `|` separates, `-` is NULL, `x'..'` bytes.
pub(super) fn table(text: &str) -> Answer {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let split = |line: &str| -> Vec<String> {
        line.split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    let columns = split(lines.next().unwrap_or_default());
    let value = |cell: String| match cell.strip_prefix("x'") {
        Some(hex) => Some(from_hex(hex.trim_end_matches('\''))),
        None => Some(cell.into_bytes()).filter(|bytes| bytes != b"-"),
    };
    let row = |line| split(line).into_iter().map(value).collect();
    Answer {
        columns,
        rows: lines.map(row).collect(),
    }
}

fn from_hex(text: &str) -> Vec<u8> {
    let digit = |&digit: &u8| char::from(digit).to_digit(16).unwrap_or_default();
    let (pairs, _) = text.as_bytes().as_chunks::<2>();
    pairs
        .iter()
        .filter_map(|pair| u8::try_from(digit(&pair[0]) * 16 + digit(&pair[1])).ok())
        .collect()
}
