//! The pools as the outside sees them: by key, and by account for counters that must not go back.

use crate::pool_counters::PoolCounts;
use crate::settings::PoolMode;
use crate::{PoolKey, Pools};
use odp_cluster::{ServerAddr, TenantName};
use smol_str::SmolStr;
use std::collections::BTreeMap;

/// The most accounts that are counted apart after their pools are gone; the others are counted together,
/// under no name.
const ACCOUNTS_MAX: usize = 1000;

/// What an operator can tell one pool from another by; nothing of it is a secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PoolLabel {
    /// The server.
    pub server: ServerAddr,
    /// The tenant.
    pub tenant: TenantName,
    /// The user, without tenant.
    pub user: SmolStr,
    /// The host patterns of the accounts that the server may have matched.
    pub hosts: Vec<String>,
    /// The clients' address, where servers are told.
    pub client_ip: Option<String>,
    /// The capability bits of the login at the server.
    pub capabilities: u32,
    /// The collation of the login.
    pub collation: u8,
    /// Whether the connections to the server are wrapped in TLS.
    pub is_encrypted: bool,
    /// How long its sessions stay with a client.
    pub mode: PoolMode,
}

/// How full a pool is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PoolSizes {
    /// Sessions at rest.
    pub idle: usize,
    /// Sessions that are lent or being opened.
    pub in_use: usize,
    /// Borrowers that wait.
    pub waiting: usize,
}

/// An account at one server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountAt {
    /// The server.
    pub server: ServerAddr,
    /// The tenant; empty for all that are counted together.
    pub tenant: TenantName,
    /// The user, without tenant; empty likewise.
    pub user: SmolStr,
}

/// What pools counted that are gone, so that no counter goes back with them.
#[derive(Debug, Default)]
pub(crate) struct Past(BTreeMap<AccountAt, PoolCounts>);

impl Past {
    pub(crate) fn add(&mut self, key: &PoolKey, counts: &PoolCounts) {
        let own = key.account_at();
        let is_known = self.0.contains_key(&own);
        let account = if is_known || self.0.len() < ACCOUNTS_MAX {
            own
        } else {
            AccountAt {
                server: own.server,
                tenant: TenantName::new(""),
                user: SmolStr::default(),
            }
        };
        *self.0.entry(account).or_default() += counts;
    }
}

impl<N> Pools<N> {
    /// Every pool that is there; those that look the same are told as one.
    #[must_use]
    pub fn by_key(&self) -> BTreeMap<PoolLabel, (PoolSizes, PoolCounts)> {
        let mut pools = BTreeMap::<_, (PoolSizes, PoolCounts)>::new();
        for (key, place) in &self.shelves.lock().places {
            let label = key.label(place.mode);
            let (sizes, counts) = pools.entry(label).or_default();
            *sizes += place.desk.lock().sizes(place.kind);
            *counts += &place.counters.read();
        }
        pools
    }

    /// Every account since the start.
    #[must_use]
    pub fn by_account(&self) -> BTreeMap<AccountAt, (PoolSizes, PoolCounts)> {
        let shelves = self.shelves.lock();
        let past = self.past.lock();
        let told = |(account, counts): (&AccountAt, &PoolCounts)| {
            (account.clone(), (PoolSizes::default(), counts.clone()))
        };
        let mut accounts: BTreeMap<_, _> = past.0.iter().map(told).collect();
        drop(past);
        for (key, place) in &shelves.places {
            let (sizes, counts) = accounts.entry(key.account_at()).or_default();
            *sizes += place.desk.lock().sizes(place.kind);
            *counts += &place.counters.read();
        }
        accounts
    }
}

impl std::ops::AddAssign for PoolSizes {
    fn add_assign(&mut self, other: Self) {
        self.idle += other.idle;
        self.in_use += other.in_use;
        self.waiting += other.waiting;
    }
}

impl PoolKey {
    /// The account whose sessions are bounded together.
    pub(crate) fn account_at(&self) -> AccountAt {
        AccountAt {
            server: self.server,
            tenant: self.identity.tenant().clone(),
            user: SmolStr::new(self.identity.user()),
        }
    }

    fn label(&self, mode: PoolMode) -> PoolLabel {
        let identity = &self.identity;
        PoolLabel {
            server: self.server,
            tenant: identity.tenant().clone(),
            user: SmolStr::new(identity.user()),
            hosts: identity.hosts().map(str::to_owned).collect(),
            client_ip: identity.client_ip().map(str::to_owned),
            capabilities: identity.capabilities(),
            collation: identity.collation(),
            is_encrypted: identity.is_encrypted(),
            mode,
        }
    }
}
