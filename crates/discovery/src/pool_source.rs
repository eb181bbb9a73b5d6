//! `OBServer`s as the source of metadata, over the pool's own connections.

use crate::{Answer, DiscoveryConfig, DiscoveryError, MetadataConnection, MetadataSource};
use odp_cluster::ServerAddr;
use odp_pool::{ConnectOptions, MetaConnection, MetaLogin, PoolError, connect_raw};
use odp_protocol::ErrPacket;
use odp_routing::Probed;
use std::time::Duration;

/// Logs in to `OBServer`s as the metadata user.
#[derive(Debug, Clone)]
pub struct PoolSource {
    login: MetaLogin,
    query_timeout: Duration,
}

impl PoolSource {
    /// A source that logs in as `config` says.
    #[must_use]
    pub fn new(config: &DiscoveryConfig) -> Self {
        Self {
            login: MetaLogin {
                user: config.metadata_user.clone(),
                password_stage1: config.password_stage1,
                // One of the queries names a view without its database.
                database: "oceanbase".to_owned(),
                options: ConnectOptions {
                    connect_timeout: config.connect_timeout,
                    login_timeout: config.query_timeout,
                    ..ConnectOptions::default()
                },
            },
            query_timeout: config.query_timeout,
        }
    }
}

/// A connection to an `OBServer`.
#[derive(Debug)]
pub struct PoolConnection {
    connection: MetaConnection,
    query_timeout: Duration,
}

impl MetadataSource for PoolSource {
    type Connection = PoolConnection;

    async fn open(&self, addr: ServerAddr) -> Result<PoolConnection, DiscoveryError> {
        match MetaConnection::open(addr, &self.login).await {
            Ok(connection) => Ok(PoolConnection {
                connection,
                query_timeout: self.query_timeout,
            }),
            Err(PoolError::Refused { addr, error }) => Err(DiscoveryError::LoginRefused {
                addr,
                code: error.code,
                message: words(&error),
            }),
            Err(error) => Err(DiscoveryError::Unreachable(error)),
        }
    }

    async fn probe(&self, addr: ServerAddr, limit: Duration) -> Probed {
        let options = ConnectOptions {
            connect_timeout: limit,
            ..self.login.options
        };
        probed(&connect_raw(addr, &options).await)
    }
}

/// What a probe that ended so says of the server.
fn probed<T>(came: &Result<T, PoolError>) -> Probed {
    match came {
        // Whoever refuses is there.
        Ok(_) | Err(PoolError::Refused { .. }) => Probed::Answered,
        Err(PoolError::Connect { .. } | PoolError::Broken { .. }) => Probed::Refused,
        Err(_) => Probed::Silent,
    }
}

impl MetadataConnection for PoolConnection {
    async fn query(&mut self, sql: &str) -> Result<Answer, DiscoveryError> {
        match self.connection.query(sql, self.query_timeout).await {
            Ok(result) => Ok(Answer {
                columns: result.columns,
                rows: result.rows,
            }),
            Err(PoolError::Refused { addr, error }) => Err(DiscoveryError::QueryRefused {
                addr,
                code: error.code,
                message: words(&error),
            }),
            Err(error) => Err(DiscoveryError::Unreachable(error)),
        }
    }
}

fn words(error: &ErrPacket) -> String {
    String::from_utf8_lossy(&error.message).into_owned()
}
