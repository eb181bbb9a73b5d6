//! Faults: what can be wrong with one server of the cluster, as the control port takes them.

use crate::error::SimulatorError;
use serde::{Deserialize, Serialize};

/// The most bytes that a session may be let through before it hangs.
const MAX_AFTER_BYTES: u64 = 1 << 30;

/// The largest jump of a server's clock, in seconds (ten years).
const MAX_JUMP: i64 = 10 * 366 * 86_400;

/// Something that is wrong with a server. In JSON an object whose `fault` is the name in snake case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// Nothing is wrong: undoes every fault of the server.
    None {},
    /// New connections are refused; sessions go on.
    Refuse {},
    /// Every session is reset (RST), and so is every new connection.
    Reset {},
    /// Each session sends this many bytes more, then nothing; greetings count.
    Hang {
        /// 0 to 1 GB.
        after_bytes: u64,
    },
    /// Every answer takes this many times as long as the statement itself.
    Slow {
        /// 1 to 10000.
        factor: u32,
    },
    /// The next statements (or logins) are answered with an error and do not run.
    Errors {
        /// The error number, 1 to 65535.
        code: u16,
        /// How many of them; what was asked for, less what has happened already.
        count: u32,
        /// Statements or logins.
        #[serde(default)]
        on: ErrorsOn,
    },
    /// The server's clock is off.
    Clock {
        /// Seconds, ahead or (negative) behind; ten years at most.
        offset_s: i64,
    },
    /// The process is stopped by SIGSTOP: its kernel goes on acknowledging.
    Stop {},
    /// The process is killed by SIGKILL; undoing it starts the server again.
    Kill {},
    /// Packets to and from the server are dropped; nothing acknowledges any more.
    BlackHole {},
    /// The cluster takes the server for another state.
    Status {
        /// What `DBA_OB_SERVERS` says.
        status: Status,
    },
    /// The server has no start of service: it is replaying its log.
    Replay {},
    /// The server is stopped by the operator, as for an upgrade (`ALTER SYSTEM STOP SERVER`).
    Upgrade {},
    /// The server's zone is stopped by the operator.
    ZoneStopped {},
    /// The server's zone is in major compaction.
    Compaction {},
    /// The server has become the leader of a tablet, or of all.
    Lead {
        /// The tablet; none for all.
        #[serde(default)]
        tablet: Option<i64>,
    },
    /// The server has lost its leaders to the others.
    Follow {},
    /// The server has been added to the cluster; undoing it removes the server.
    Added {},
    /// The server has been removed from the cluster, and its process is gone.
    Removed {},
}

/// A state in `DBA_OB_SERVERS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// The cluster has lost sight of it.
    Inactive,
    /// It is about to leave the cluster.
    Deleting,
}

impl Status {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Inactive => "INACTIVE",
            Self::Deleting => "DELETING",
        }
    }
}

/// What [`Fault::Errors`] are an answer to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorsOn {
    /// Statements.
    #[default]
    Statements,
    /// Logins.
    Logins,
}

/// Who brings a fault about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// The node itself.
    Node,
    /// Whoever runs the node's process.
    Process,
    /// The catalogue, which is the cluster's own view.
    View,
    /// The list of servers.
    Membership,
}

impl Fault {
    pub(crate) fn place(&self) -> Place {
        match self {
            Self::None {}
            | Self::Refuse {}
            | Self::Reset {}
            | Self::Hang { .. }
            | Self::Slow { .. }
            | Self::Errors { .. }
            | Self::Clock { .. } => Place::Node,
            Self::Stop {} | Self::Kill {} | Self::BlackHole {} => Place::Process,
            Self::Status { .. }
            | Self::Replay {}
            | Self::Upgrade {}
            | Self::ZoneStopped {}
            | Self::Compaction {}
            | Self::Lead { .. }
            | Self::Follow {} => Place::View,
            Self::Added {} | Self::Removed {} => Place::Membership,
        }
    }

    /// Whether both are the same fault, whatever their details.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }

    /// Checks the ranges that the documentation of the variants tells.
    ///
    /// # Errors
    /// [`SimulatorError::BadFault`].
    pub fn check(&self) -> Result<(), SimulatorError> {
        let (fine, rule) = match self {
            Self::Hang { after_bytes } => (
                *after_bytes <= MAX_AFTER_BYTES,
                "after_bytes is 0 to 1073741824",
            ),
            Self::Slow { factor } => ((1..=10_000).contains(factor), "factor is 1 to 10000"),
            Self::Errors { code, count, .. } => {
                (*code > 0 && *count > 0, "code and count are at least 1")
            }
            Self::Clock { offset_s } => (
                (-MAX_JUMP..=MAX_JUMP).contains(offset_s),
                "offset_s is ten years at most",
            ),
            _ => (true, ""),
        };
        if fine {
            Ok(())
        } else {
            Err(SimulatorError::BadFault(rule.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Fault, String> {
        let fault: Fault = serde_json::from_str(text).map_err(|error| error.to_string())?;
        fault.check().map_err(|error| error.to_string())?;
        Ok(fault)
    }

    #[test]
    fn faults_are_read_as_the_control_port_takes_them() {
        for (text, fault) in [
            (r#"{"fault": "none"}"#, Fault::None {}),
            (r#"{"fault": "black_hole"}"#, Fault::BlackHole {}),
            (
                r#"{"fault": "hang", "after_bytes": 7}"#,
                Fault::Hang { after_bytes: 7 },
            ),
            (
                r#"{"fault": "errors", "code": 4038, "count": 2}"#,
                Fault::Errors {
                    code: 4038,
                    count: 2,
                    on: ErrorsOn::Statements,
                },
            ),
            (
                r#"{"fault": "status", "status": "INACTIVE"}"#,
                Fault::Status {
                    status: Status::Inactive,
                },
            ),
            (r#"{"fault": "lead"}"#, Fault::Lead { tablet: None }),
        ] {
            assert_eq!(read(text).unwrap(), fault, "{text}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_the_reason() {
        for (text, reason) in [
            (r#"{"fault": "flood"}"#, "unknown variant `flood`"),
            (r#"{"fault": "refuse", "after_bytes": 1}"#, "unknown field"),
            (r#"{"fault": "hang"}"#, "missing field `after_bytes`"),
            (r#"{"fault": "slow", "factor": 0}"#, "factor is 1 to 10000"),
            (
                r#"{"fault": "errors", "code": 0, "count": 1}"#,
                "at least 1",
            ),
            (r#"{"fault": "errors", "code": 70000, "count": 1}"#, "70000"),
            (
                r#"{"fault": "clock", "offset_s": 999999999999}"#,
                "ten years",
            ),
            (r#"{"fault": "status", "status": "DEAD"}"#, "DEAD"),
            ("[]", "missing field `fault`"),
            ("", "EOF"),
        ] {
            let refused = read(text).unwrap_err();
            assert!(refused.contains(reason), "{text}: {refused}");
        }
    }
}
