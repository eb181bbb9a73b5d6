//! Keeps routing's picture fresh by asking `OBServer`s.
//!
//! [`Discovery`] runs on a thread of its own: it starts from the rootservice list, loads servers,
//! zones and tenants into the [`odp_routing::Router`], loads them anew at every interval, and fetches
//! table locations when a session asks for one through its [`Handle`]. It probes servers that somebody
//! waits for in vain, and judges the evidence that sessions report. Without a working metadata
//! login it says so and serves the servers of its list without locations.

mod cluster;
mod config;
mod detector;
mod dialect;
mod discovery;
mod error;
mod handle;
mod pool_source;
mod queries;
mod source;
mod state;
mod tables;
mod worker;

pub use config::DiscoveryConfig;
pub use discovery::Discovery;
pub use error::DiscoveryError;
pub use handle::Handle;
pub use pool_source::PoolSource;
pub use source::{Answer, MetadataConnection, MetadataSource};
pub use state::{DiscoveryState, MetadataState};
