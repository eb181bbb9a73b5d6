//! Authenticated connections to `OBServer`s: open, lend, reset, retire.
//!
//! A [`ServerSession`] is a connection that has logged in on behalf of one client, without its
//! password: the client's own response is shown to the server together with `__proxy_scramble`
//! ([`ClientLogin`]). A [`MetaConnection`] is one that the proxy opened for itself.
//!
//! [`Pools`] lend server sessions to one client after another. Only a client of the same [`Identity`]
//! gets one, and only one whose password the proxy has checked itself, against what [`Credentials`] tell.

mod account;
mod ask;
mod client_login;
mod connect;
mod credentials;
mod error;
mod host_pattern;
mod identity;
mod loan;
mod meta;
mod overview;
mod pool_counters;
mod pools;
mod secret;
mod server_session;
mod settings;
mod shelf;
mod waiting;

pub use account::{Account, Proof, Unproven};
pub use client_login::{ClientLogin, ProxyIdentity};
pub use connect::{ConnectOptions, Keepalive, connect_raw};
pub use credentials::{
    AccountName, CredentialReader, CredentialSource, Credentials, Known, Sighting,
};
pub use error::{PoolError, Retry};
pub use identity::{Identity, PoolKey};
pub use loan::{Lent, Loan, OpenSlot};
pub use meta::{MetaConnection, MetaLogin, QueryResult};
pub use overview::{AccountAt, PoolLabel, PoolSizes};
pub use pool_counters::{PoolCounters, PoolCounts, WAIT_BOUNDS_US};
pub use pools::{Admission, Ahead, Need, Parked, Pools};
pub use secret::Secret;
pub use server_session::{LoginAnswer, ServerSession};
pub use settings::{PoolMode, PoolSettings};
