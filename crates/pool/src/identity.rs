//! Who a server session was opened for: only a client of the same identity may be lent it.

use crate::account::{Account, Proof, Unproven, prove};
use crate::{AccountName, ClientLogin, Known, ProxyIdentity};
use odp_cluster::{ServerAddr, TenantName};
use odp_protocol::{Attribute, auth::SALT_LEN};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::net::IpAddr;
use std::sync::Arc;

/// Everything by which a server tells one login from another, in full: two clients are the same to it
/// only when all of this is equal.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Identity {
    tenant: TenantName,
    user: SmolStr,
    /// The accounts that the server may have matched. A change of one of them, of its rights too, makes
    /// another identity.
    accounts: Vec<Account>,
    /// The hash that the client's response fitted.
    stage2: Option<[u8; SALT_LEN]>,
    /// The state of the tenant's global variables, which are the values of a login.
    globals: SmolStr,
    /// The client's address, when servers are told: `USER()` and `ob_tcp_invited_nodes` go by it.
    client_ip: Option<String>,
    /// The capability bits of the login at the server.
    capabilities: u32,
    /// The collation of the login, which chooses the character sets.
    collation: u8,
    /// The attributes that a server gets from the client itself.
    attributes: Vec<(SmolStr, Vec<u8>)>,
    /// Whether the connection to the server is wrapped in TLS.
    is_encrypted: bool,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity")
            .field("tenant", &self.tenant)
            .field("user", &self.user)
            .field("client_ip", &self.client_ip)
            .finish_non_exhaustive()
    }
}

impl Identity {
    /// The identity of a client whose `login` proves one of the `known` accounts of `name`.
    ///
    /// # Errors
    /// [`Unproven`] when the server must decide.
    pub fn prove(
        name: &AccountName,
        known: &Known,
        login: &ClientLogin,
        proxy: &ProxyIdentity,
    ) -> Result<(Self, Proof), Unproven> {
        let ip = client_ip(login).ok_or(Unproven::Account)?;
        let response = &login.response;
        let proof = prove(&known.accounts, ip, &response.auth, &login.proxy_salt)?;
        let passed_on = |attribute: &&Attribute| attribute.key.starts_with("__ob_client");
        let attributes = response.attributes.iter().filter(passed_on);
        let capabilities = odp_protocol::capability::for_server_login(response.capabilities);
        let identity = Self {
            tenant: name.tenant.clone(),
            user: name.user.clone(),
            accounts: proof.accounts.clone(),
            stage2: proof.stage2,
            globals: known.globals.clone(),
            client_ip: proxy.tell_client_addr.then(|| ip.to_string()),
            capabilities: capabilities.bits(),
            collation: response.collation,
            attributes: attributes
                .map(|attribute| (attribute.key.clone(), attribute.value.clone()))
                .collect(),
            is_encrypted: false,
        };
        Ok((identity, proof))
    }

    /// Whether `known`, newer than this, says that a login would no longer come out the same.
    #[must_use]
    pub fn is_outdated(&self, known: &Known) -> bool {
        let is_there = |account| known.accounts.contains(account);
        known.globals != self.globals || !self.accounts.iter().all(is_there)
    }

    /// The accounts that it was proven against.
    #[must_use]
    pub fn name(&self) -> AccountName {
        AccountName {
            tenant: self.tenant.clone(),
            user: self.user.clone(),
        }
    }

    /// Whether a server lets it kill the sessions of other accounts, whichever of its accounts that takes.
    #[must_use]
    pub fn may_kill(&self) -> bool {
        self.accounts.iter().all(Account::may_kill)
    }

    /// The tenant.
    #[must_use]
    pub fn tenant(&self) -> &TenantName {
        &self.tenant
    }

    /// The user, without tenant.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The host patterns of the accounts that the server may have matched.
    pub(crate) fn hosts(&self) -> impl Iterator<Item = &str> {
        self.accounts.iter().map(Account::host)
    }

    pub(crate) fn client_ip(&self) -> Option<&str> {
        self.client_ip.as_deref()
    }

    pub(crate) fn capabilities(&self) -> u32 {
        self.capabilities
    }

    pub(crate) fn collation(&self) -> u8 {
        self.collation
    }

    pub(crate) fn is_encrypted(&self) -> bool {
        self.is_encrypted
    }
}

/// The address that the server goes by: its own view of the client would be the proxy's.
fn client_ip(login: &ClientLogin) -> Option<IpAddr> {
    let own = login.peer.ip().to_canonical();
    match login.response.attributes.get("__client_ip") {
        Some(brought) => std::str::from_utf8(brought).ok()?.parse().ok(),
        None => Some(own),
    }
}

/// What server sessions are pooled by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PoolKey {
    /// The server.
    pub server: ServerAddr,
    /// Who it was opened for.
    pub identity: Arc<Identity>,
}
