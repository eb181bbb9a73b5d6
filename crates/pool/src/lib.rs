//! Authenticated connections to `OBServer`s: open, lend, reset, retire.
//!
//! A [`ServerSession`] is a connection that has logged in on behalf of one client, without its
//! password: the client's own response is shown to the server together with `__proxy_scramble`
//! ([`ClientLogin`]). A [`MetaConnection`] is one that the proxy opened for itself.

mod client_login;
mod connect;
mod error;
mod meta;
mod server_session;

pub use client_login::{ClientLogin, ProxyIdentity};
pub use connect::{ConnectOptions, Keepalive, connect_raw};
pub use error::{PoolError, Retry};
pub use meta::{MetaConnection, MetaLogin, QueryResult};
pub use server_session::{LoginAnswer, ServerSession};
