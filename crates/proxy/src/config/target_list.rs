//! The value of `target_db_server`: groups of servers, best first.

use super::bounds::Bounds;
use super::value::{Complaint, Value};
use odp_routing::TargetServers;

/// The servers, kept with the text that they were read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TargetList {
    text: String,
    pub(crate) servers: TargetServers,
}

impl Value for TargetList {
    fn read(text: &str, _: &Bounds) -> Result<Self, Complaint> {
        Ok(Self {
            text: text.to_owned(),
            servers: TargetServers::read(text).map_err(|error| error.to_string())?,
        })
    }

    fn print(&self) -> String {
        self.text.clone()
    }
}
