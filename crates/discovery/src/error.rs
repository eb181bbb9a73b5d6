//! Why a question to the cluster has no answer.

use odp_cluster::{ClusterName, ServerAddr};
use odp_pool::PoolError;
use odp_routing::ForeignServer;

/// A question to an `OBServer` that was not answered.
#[derive(Debug, thiserror::Error)]
pub enum DiscoveryError {
    /// The server refused the login.
    #[error("{addr} refused the metadata login: {code} {message}")]
    LoginRefused {
        /// The server.
        addr: ServerAddr,
        /// Its error code.
        code: u16,
        /// Its words.
        message: String,
    },
    /// The server refused a query.
    #[error("{addr} refused a metadata query: {code} {message}")]
    QueryRefused {
        /// The server.
        addr: ServerAddr,
        /// Its error code.
        code: u16,
        /// Its words.
        message: String,
    },
    /// The server could not be reached or broke off.
    #[error(transparent)]
    Unreachable(PoolError),
    /// The server belongs to another cluster.
    #[error("{addr} belongs to the cluster `{found}`, not to `{expected}`")]
    WrongCluster {
        /// The server.
        addr: ServerAddr,
        /// The name of its cluster.
        found: ClusterName,
        /// The configured name.
        expected: ClusterName,
    },
    /// The cluster's own list of its servers is empty.
    #[error("{addr} lists no server of its cluster")]
    NoServers {
        /// The server.
        addr: ServerAddr,
    },
    /// There is nobody to ask.
    #[error("the rootservice list is empty")]
    EmptyList,
}

impl DiscoveryError {
    /// Access denied, by name and password (1045) or to a database (1044) or a table (1142).
    const DENIED: [u16; 3] = [1044, 1045, 1142];
    /// Unknown column (1054) or table (1146), unknown database (1049), a function or feature that is
    /// not there (1235, 1305): a server without the views of a cluster.
    const LACKING: [u16; 5] = [1049, 1054, 1146, 1235, 1305];

    /// Whether this server will never answer questions about locations: serving goes on without.
    pub(crate) fn is_lack_of_metadata(&self) -> bool {
        match self {
            Self::LoginRefused { code, .. } | Self::QueryRefused { code, .. } => {
                Self::DENIED.contains(code) || Self::LACKING.contains(code)
            }
            _ => false,
        }
    }

    /// How much it tells an operator when every server fails in its own way.
    pub(crate) fn weight(&self) -> u8 {
        match self {
            Self::EmptyList => 0,
            Self::Unreachable(_) => 1,
            _ if self.is_lack_of_metadata() => 3,
            _ => 2,
        }
    }

    /// The server that belongs to another cluster, when that is the reason.
    pub(crate) fn foreign(&self) -> Option<ForeignServer> {
        match self {
            Self::WrongCluster {
                addr,
                found,
                expected,
            } => Some(ForeignServer {
                server: *addr,
                found: found.clone(),
                expected: expected.clone(),
            }),
            _ => None,
        }
    }

    /// Whether the connection can take another query.
    pub(crate) fn leaves_connection_usable(&self) -> bool {
        !matches!(self, Self::Unreachable(_))
    }
}
