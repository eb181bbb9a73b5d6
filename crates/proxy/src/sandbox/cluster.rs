//! The simulated cluster: placeholder until the simulator's crate has its entry point.

use crate::error::Error;

pub(super) struct SimulatedCluster;

#[derive(Clone)]
pub(super) struct ClusterHandle;

impl SimulatedCluster {
    pub(super) fn start(_servers: u16) -> Result<Self, Error> {
        Err(Error::Sandbox("the simulator is not built yet".to_owned()))
    }

    pub(super) fn handle(&self) -> ClusterHandle {
        ClusterHandle
    }

    pub(super) fn rootservice_list(&self) -> String {
        String::new()
    }

    pub(super) fn name(&self) -> &str {
        "sandbox"
    }

    pub(super) fn stop(self) {}
}

impl ClusterHandle {
    pub(super) fn servers(&self) -> serde_json::Value {
        serde_json::Value::Null
    }
}
