//! Why a login or a statement failed, and what the client is told.

use crate::watch::Lost;
use odp_cluster::{ClientSessionId, LoginName, LoginNameError, ServerAddr, TenantName};
use odp_pool::PoolError;
use odp_protocol::stream::StreamError;
use odp_protocol::{ErrPacket, ProtocolError};
use odp_routing::{ForeignServer, NoServerReason};
use std::sync::Arc;
use std::time::Duration;

/// Who is to blame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The client, or its connection.
    Client,
    /// A server, or the connection to it.
    Server,
    /// The proxy, or what it was told to do.
    Proxy,
}

/// A failure of a session.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The client went away.
    #[error("the client closed the connection")]
    ClientGone,
    /// The client's connection failed or brought bytes that are no MySQL protocol.
    #[error("client: {0}")]
    Client(StreamError),
    /// The client did not log in in time.
    #[error("the client did not log in within {} s", .0.as_secs_f32())]
    LoginTimeout(Duration),
    /// A client that asks for TLS, which this proxy does not offer.
    #[error("the client asks for TLS, which is not enabled")]
    NoTls,
    /// A user name that cannot be read.
    #[error("user name: {0}")]
    UserName(#[from] LoginNameError),
    /// A user that may not log in here.
    #[error("access denied for user '{0}'")]
    Denied(LoginName),
    /// A cluster that this proxy does not serve.
    #[error("cluster '{0}' is not served here")]
    UnknownCluster(String),
    /// The servers say that their cluster has another name than the configured one.
    #[error("cluster name is not match to '{}': {} belongs to '{}'", .0.expected, .0.server, .0.found)]
    WrongCluster(Arc<ForeignServer>),
    /// No server has let the client in or refused it in time.
    #[error("no server has answered the login within {} s", .0.as_secs_f32())]
    SlowLogin(Duration),
    /// `client_max_connections` is reached.
    #[error("too many clients")]
    TooManyClients,
    /// The tenant's limit is reached.
    #[error("Too many connections of tenant '{0}'")]
    TooManyOfTenant(TenantName),
    /// The session keeps too much in memory for its client.
    #[error("exceed memory limit: the session keeps {held} bytes, and {limit} are allowed")]
    TooMuchMemory {
        /// What it keeps, in bytes.
        held: usize,
        /// `client_max_memory_size`.
        limit: usize,
    },
    /// The client has prepared as many statements as it may. The words are MySQL's.
    #[error("Can't create more than max_prepared_stmt_count statements (current value: {0})")]
    TooManyStatements(usize),
    /// There is no server to send the request to.
    #[error("no server for tenant '{tenant}': {}", no_server_text(*.reason))]
    NoServer {
        /// The session's tenant.
        tenant: String,
        /// What the router said.
        reason: NoServerReason,
    },
    /// No server could be reached; the last attempt's reason.
    #[error("no server could be reached: {0}")]
    Unreachable(PoolError),
    /// The server refused a login that was relayed; the client has its words.
    #[error("the server refused the login")]
    LoginRefused,
    /// The server refused the login.
    #[error("{0}")]
    Refused(PoolError),
    /// The server was lost while it worked on a request.
    #[error("server {addr} was lost while it ran a statement{}: {source}", .transaction.words())]
    ServerLost {
        /// The server.
        addr: ServerAddr,
        /// What became of the client's transaction.
        transaction: Fate,
        /// What happened.
        source: StreamError,
    },
    /// The only server that a client of MySQL can have was lost while it worked on a request. The client's
    /// connection ends without a word, as the server's did: drivers know that for what it is, and some
    /// take an ERR with their own code for it (2013) for a malformed packet.
    #[error("{0}")]
    OnlyServerLost(Box<SessionError>),
    /// There is no hope for an answer of the server.
    #[error("server {addr} was lost while it ran a statement{}: {}", .transaction.words(), .lost.words())]
    ServerDead {
        /// The server.
        addr: ServerAddr,
        /// What became of the client's transaction.
        transaction: Fate,
        /// How that is known.
        lost: Lost,
    },
    /// The server did not answer in time.
    #[error("server {addr} did not answer within {} s{}", .limit.as_secs(), .transaction.words())]
    ServerTimeout {
        /// The server.
        addr: ServerAddr,
        /// What became of the client's transaction.
        transaction: Fate,
        /// The deadline.
        limit: Duration,
    },
    /// A session's state could not be set on another server.
    #[error("server {addr} refused the session's state: {error}")]
    Sync {
        /// The server.
        addr: ServerAddr,
        /// Its answer.
        error: ErrPacket,
    },
    /// A command that the proxy does not carry.
    #[error("{0} is not supported")]
    Unsupported(&'static str),
    /// No server takes this command from a client; in an `OBServer`'s words.
    #[error("Not supported feature or function")]
    UnknownCommand,
    /// Somebody killed the session.
    #[error("the session was killed")]
    Killed,
    /// Somebody killed the session in the middle of a request: what an `OBServer` says then.
    #[error("Session interrupted")]
    KilledAtWork,
    /// The server says that the session was killed, perhaps through another proxy.
    #[error("the session was killed: {0}")]
    KilledElsewhere(ErrPacket),
    /// There is no such session to be killed.
    #[error("Unknown thread id: {0}")]
    NoSuchSession(u32),
    /// The session to be killed is somebody else's.
    #[error("You are not owner of thread {0}")]
    NotToBeKilled(u32),
    /// The session asked to be killed.
    #[error("Query execution was interrupted")]
    KilledItself,
    /// The session asked to interrupt the statement that asks.
    #[error("Query execution was interrupted")]
    Interrupted,
    /// The proxy is going down.
    #[error("the proxy is shutting down")]
    ShuttingDown,
}

/// What became of a transaction whose server was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// There was none.
    NoTransaction,
    /// Its server has rolled it back, or will.
    RolledBack,
    /// The statement that was lost may have committed it.
    Unknown,
}

impl Fate {
    fn words(self) -> &'static str {
        match self {
            Self::NoTransaction => "",
            Self::RolledBack => "; its transaction was rolled back",
            Self::Unknown => "; whether its transaction was committed is not known",
        }
    }
}

fn no_server_text(reason: NoServerReason) -> &'static str {
    match reason {
        NoServerReason::NoCluster => "the cluster has not been reached yet",
        NoServerReason::UnknownTenant => "the cluster has no such tenant",
        NoServerReason::AllTried => "every server of the tenant was tried",
    }
}

impl SessionError {
    /// A server's code for a session that was killed by its client session id
    /// (`OB_ERR_KILL_CLIENT_SESSION`).
    pub(crate) const KILLED: u16 = 4401;

    /// A server's code for the statement of a session that was killed (`OB_ERR_SESSION_INTERRUPTED`).
    const KILLED_AT_WORK: u16 = 5066;

    /// Whether a server that answers with this error has ended the session.
    pub(crate) fn says_killed(code: u16) -> bool {
        matches!(code, Self::KILLED | Self::KILLED_AT_WORK)
    }

    /// Who is to blame.
    #[must_use]
    pub fn side(&self) -> Side {
        match self {
            Self::ClientGone
            | Self::Client(_)
            | Self::LoginTimeout(_)
            | Self::LoginRefused
            | Self::NoTls
            | Self::UserName(_)
            | Self::Denied(_)
            | Self::UnknownCluster(_)
            | Self::Killed
            | Self::KilledAtWork
            | Self::KilledElsewhere(_)
            | Self::KilledItself
            | Self::Interrupted => Side::Client,
            Self::Unreachable(_)
            | Self::Refused(_)
            | Self::ServerLost { .. }
            | Self::OnlyServerLost(_)
            | Self::ServerDead { .. }
            | Self::ServerTimeout { .. }
            | Self::SlowLogin(_)
            | Self::Sync { .. } => Side::Server,
            Self::TooManyClients
            | Self::TooManyOfTenant(_)
            | Self::TooMuchMemory { .. }
            | Self::TooManyStatements(_)
            | Self::NoServer { .. }
            | Self::WrongCluster(_)
            | Self::Unsupported(_)
            | Self::NoSuchSession(_)
            | Self::NotToBeKilled(_)
            | Self::UnknownCommand
            | Self::ShuttingDown => Side::Proxy,
        }
    }

    /// The packet for the client, or `None` when there is nobody left to tell.
    ///
    /// Codes are `OBProxy`'s: 4669 cluster, 4666 another cluster behind that name, 1045 login, 1203 and 1040 limits, 4080 memory, 4012 no location,
    /// no server that could be reached (a client's own code for that, 2003, is "malformed" to libmariadb when a
    /// server sends it) or no answer to a login, 10014 lost while
    /// reading, 10022 no answer in time, 1235 unsupported; 1053 is MySQL's shutdown, 1317 its
    /// interruption.
    #[must_use]
    pub fn to_client(&self) -> Option<ErrPacket> {
        let (code, state): (u16, &[u8; 5]) = match self {
            Self::Client(StreamError::Protocol(ProtocolError::TooLarge { .. })) => (1153, b"08S01"),
            Self::Client(StreamError::Protocol(_)) => (1043, b"08S01"),
            Self::ClientGone
            | Self::LoginTimeout(_)
            | Self::LoginRefused
            | Self::Killed
            | Self::OnlyServerLost(_)
            | Self::Client(_) => return None,
            Self::KilledElsewhere(error) | Self::Refused(PoolError::Refused { error, .. }) => {
                return Some(error.clone());
            }
            Self::Sync { error, .. } => (error.code, &error.sql_state),
            Self::NoTls => (3159, b"HY000"),
            Self::UserName(_)
            | Self::Denied(_)
            | Self::NoServer {
                reason: NoServerReason::UnknownTenant,
                ..
            } => (1045, b"42000"),
            Self::UnknownCluster(_) => (4669, b"HY000"),
            Self::WrongCluster(_) => (4666, b"HY000"),
            Self::TooManyClients => (1203, b"42000"),
            Self::TooManyOfTenant(_) => (1040, b"08004"),
            Self::TooMuchMemory { .. } => (4080, b"HY013"),
            Self::TooManyStatements(_) => (1461, b"42000"),
            Self::NoServer { .. }
            | Self::SlowLogin(_)
            | Self::Unreachable(_)
            | Self::Refused(_) => (4012, b"HY000"),
            Self::ServerLost { .. } | Self::ServerDead { .. } => (10014, b"HY000"),
            Self::ServerTimeout { .. } => (10022, b"HY000"),
            Self::Unsupported(_) | Self::UnknownCommand => (1235, b"0A000"),
            Self::KilledItself | Self::Interrupted => (1317, b"70100"),
            Self::NoSuchSession(_) => (1094, b"HY000"),
            Self::NotToBeKilled(_) => (1095, b"HY000"),
            Self::KilledAtWork => (Self::KILLED_AT_WORK, b"HY000"),
            Self::ShuttingDown => (1053, b"08S01"),
        };
        Some(ErrPacket::new(code, state, self.to_string()))
    }

    /// The packet for the client of this session: where something of it is lost, its id is named, by which
    /// the log tells more.
    pub(crate) fn to_client_of(&self, session: ClientSessionId) -> Option<ErrPacket> {
        let mut packet = self.to_client()?;
        if matches!(
            self,
            Self::ServerLost { .. } | Self::ServerDead { .. } | Self::ServerTimeout { .. }
        ) {
            let whose = format!(" (session {session})");
            packet.message.extend_from_slice(whose.as_bytes());
        }
        Some(packet)
    }

    /// Whether the session cannot go on even if the client is told.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        matches!(
            self,
            Self::ClientGone
                | Self::Client(_)
                | Self::LoginTimeout(_)
                | Self::LoginRefused
                | Self::Killed
                | Self::KilledAtWork
                | Self::KilledElsewhere(_)
                | Self::KilledItself
                | Self::ShuttingDown
        )
    }

    pub(crate) fn client_io(error: std::io::Error) -> Self {
        Self::Client(error.into())
    }
}

impl From<StreamError> for SessionError {
    /// A failed read from the client.
    fn from(error: StreamError) -> Self {
        match error {
            StreamError::Closed => Self::ClientGone,
            other => Self::Client(other),
        }
    }
}
