//! The harness of the integration tests: real processes, real clients, a real engine.
//!
//! Nothing here depends on the crates of the proxy: the tests see `odp` as its users do, through
//! its command line, its ports and its HTTP endpoint. A test that cannot get a real part fails and
//! says which; it never passes in silence.

pub mod clients;
pub mod connect_loop;
pub mod engine;
pub mod failure;
pub mod fronted;
pub mod http;
pub mod keyed_load;
pub mod load;
pub mod mariadb_server;
pub mod mysql;
pub mod network;
pub mod oracle;
pub mod parts;
pub mod port;
pub mod process;
pub mod proxy;
pub mod sandbox;
pub mod script;
pub mod stage;
pub mod task;
pub mod timer;
pub mod traffic;
pub mod wait;
pub mod watchdog;
pub mod wire;
pub mod workspace;

pub use connect_loop::ConnectLoop;
pub use engine::Engine;
pub use failure::Failure;
pub use fronted::Fronted;
pub use keyed_load::KeyedLoad;
pub use mariadb_server::MariadbServer;
pub use proxy::Proxy;
pub use sandbox::Sandbox;
pub use stage::Stage;
pub use task::Task;
pub use timer::{Timer, say};
