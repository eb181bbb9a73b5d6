//! What can keep the endpoint from being served.

use std::net::IpAddr;

/// A configuration under which the endpoint must not be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Whoever reaches the address could stop the proxy.
    #[error("binding the admin endpoint to {0} needs an admin token")]
    TokenRequired(IpAddr),
    /// A token that could be guessed, or does not fit into a header.
    #[error("an admin token needs at least {least} visible ASCII characters without spaces")]
    WeakToken {
        /// The shortest that is taken.
        least: usize,
    },
}
