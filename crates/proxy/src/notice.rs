//! What the coordinator tells a data plane beside its configuration; the two releases on either side may
//! differ, so every part has a default and unknown parts are skipped.

use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// What holds from now on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Notice {
    /// The servers that the operator has taken out.
    pub(crate) drained: Vec<SocketAddr>,
}

impl Notice {
    /// As it travels.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("addresses can be written as JSON")
    }

    /// None when it is not understood.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_arrives_as_it_was_sent_and_other_releases_are_understood() {
        let notice = Notice {
            drained: vec![
                "10.0.0.1:2881".parse().unwrap(),
                "[::1]:2881".parse().unwrap(),
            ],
        };
        assert_eq!(Notice::from_bytes(&notice.to_bytes()), Some(notice));
        let later = br#"{"of a later release": 1}"#;
        assert_eq!(Notice::from_bytes(later), Some(Notice::default()));
        assert_eq!(Notice::from_bytes(b"{"), None);
    }
}
