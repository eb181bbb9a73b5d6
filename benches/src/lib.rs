//! What a query costs: the same work directly, through odp and through every peer on the machine.
//!
//! The `odp-benches` program is driver, load generator, server and relays in one, each in a process of
//! its own, so that the CPU time of the proxy between them can be told from theirs. The guards beside
//! it (allocations, instructions) keep the hot functions as cheap as they are.

pub mod backend;
pub mod cell;
pub mod client;
pub mod error;
pub mod hot;
pub mod idle;
pub mod load;
pub mod machine;
pub mod mariadb;
pub mod observer;
pub mod plan;
pub mod pools;
pub mod processes;
pub mod relay;
pub mod report;
pub mod self_test;
pub mod statistics;
pub mod syscalls;
pub mod target;
pub mod workload;

pub use error::Error;
