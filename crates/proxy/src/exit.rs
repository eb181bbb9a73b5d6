//! Exit codes, as the command line promises them.

use crate::error::Error;
use std::process::ExitCode;

/// The exit code for an error: 1 failed, 2 wrong usage, 3 not in this state, 4 the admin endpoint cannot be reached.
pub(crate) fn code(error: &Error) -> ExitCode {
    match error {
        Error::Unreachable { .. } => ExitCode::from(4),
        Error::Usage(_) => ExitCode::from(2),
        Error::Precondition(_) => ExitCode::from(3),
        Error::Configuration(_)
        | Error::Coordinator(_)
        | Error::Runtime(_)
        | Error::Encode(_)
        | Error::Listen { .. }
        | Error::Answer { .. }
        | Error::StateDir { .. }
        | Error::TaskFailed { .. }
        | Error::NotReady(_)
        | Error::Sandbox(_) => ExitCode::FAILURE,
    }
}
