//! `OBServer`s: their addresses and the state in which the cluster sees them.

use crate::ZoneName;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

/// The address of an `OBServer`'s SQL port, for example `10.0.0.1:2881`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ServerAddr(SocketAddr);

/// A text that is no `ip:port`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no server address; expected ip:port, for example 10.0.0.1:2881 or [::1]:2881")]
pub struct ServerAddrError(String);

impl ServerAddr {
    /// The socket address.
    #[must_use]
    pub fn socket_addr(self) -> SocketAddr {
        self.0
    }

    /// Reads `ip:port;ip:port` (`OBProxy`'s `rootservice_list`); commas are taken too, empty members
    /// are skipped.
    ///
    /// # Errors
    /// The first member that is no address.
    pub fn parse_list(list: &str) -> Result<Vec<Self>, ServerAddrError> {
        list.split([';', ','])
            .map(str::trim)
            .filter(|text| !text.is_empty())
            .map(str::parse)
            .collect()
    }
}

impl From<SocketAddr> for ServerAddr {
    fn from(addr: SocketAddr) -> Self {
        Self(addr)
    }
}

impl FromStr for ServerAddr {
    type Err = ServerAddrError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim().parse::<SocketAddr>() {
            Ok(addr) if addr.port() != 0 => Ok(Self(addr)),
            _ => Err(ServerAddrError(text.to_owned())),
        }
    }
}

impl fmt::Display for ServerAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How the cluster sees a server (`OBProxy`'s mapping of status, `start_service_time`, `stop_time`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ServerState {
    /// In service.
    Active,
    /// Down, as the cluster sees it.
    Inactive,
    /// Started, but still replaying its log: not in service yet.
    Replay,
    /// Being removed; still serves.
    Deleting,
    /// Stopped by the operator (`ALTER SYSTEM STOP SERVER`), usually for an upgrade.
    Upgrade,
}

impl ServerState {
    /// Maps the columns of `DBA_OB_SERVERS` (`ob_server_state_processor.cpp`): a set stop time means
    /// an upgrade, a missing start-of-service time means that the server is not in service.
    #[must_use]
    pub fn from_columns(status: &str, in_service: bool, stopped: bool) -> Self {
        let is = |name: &str| status.eq_ignore_ascii_case(name);
        match (stopped, in_service) {
            (true, _) => Self::Upgrade,
            (false, true) if is("active") => Self::Active,
            (false, true) if is("deleting") => Self::Deleting,
            (false, false) if is("active") => Self::Replay,
            (false, _) => Self::Inactive,
        }
    }

    /// Whether requests may go there at all as far as the cluster's own view is concerned.
    #[must_use]
    pub fn serves(self) -> bool {
        matches!(self, Self::Active | Self::Deleting)
    }
}

/// An `OBServer` as the cluster lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// Its SQL address.
    pub addr: ServerAddr,
    /// The zone it belongs to.
    pub zone: ZoneName,
    /// Its state as the cluster sees it.
    pub state: ServerState,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rootservice_list_is_read_as_obproxy_writes_it() {
        let list = ServerAddr::parse_list("127.0.0.1:2881; 10.0.0.2:2881;").unwrap();
        assert_eq!(list.len(), 2);
        assert_eq!(list[1].to_string(), "10.0.0.2:2881");
        assert!(ServerAddr::parse_list("localhost:2881").is_err());
        assert!(ServerAddr::parse_list("127.0.0.1:0").is_err());
    }

    #[test]
    fn server_states_follow_the_documented_mapping() {
        use ServerState::{Active, Deleting, Inactive, Replay, Upgrade};
        for (status, in_service, stopped, state) in [
            ("ACTIVE", true, false, Active),
            ("ACTIVE", false, false, Replay),
            ("INACTIVE", true, false, Inactive),
            ("INACTIVE", false, false, Inactive),
            ("DELETING", true, false, Deleting),
            ("ACTIVE", true, true, Upgrade),
        ] {
            assert_eq!(
                ServerState::from_columns(status, in_service, stopped),
                state
            );
        }
    }
}
