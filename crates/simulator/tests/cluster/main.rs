//! A simulated cluster from a client's view.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests may panic"
)]

mod accounts;
mod client;
mod dialect;
mod faults;
mod placement;
mod session;
