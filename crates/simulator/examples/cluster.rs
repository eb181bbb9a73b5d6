//! Runs a simulated cluster until it is killed: `cargo run -p odp-simulator --example cluster [PORT]`.

use odp_simulator::{Cluster, ClusterConfig, SimulatorError};

fn main() -> Result<(), SimulatorError> {
    let base_port = std::env::args()
        .nth(1)
        .and_then(|port| port.parse().ok())
        .unwrap_or(0);
    let cluster = Cluster::start(&ClusterConfig {
        base_port,
        ..ClusterConfig::default()
    })?;
    for addr in cluster.addrs() {
        println!("{addr}");
    }
    loop {
        std::thread::sleep(std::time::Duration::from_secs(5));
        println!("{:?}", cluster.servers());
    }
}
