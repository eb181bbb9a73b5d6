//! Which command is admitted in which state.

use std::path::PathBuf;

/// What users see, in OCP's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// A generation is coming up.
    Starting,
    /// A generation serves.
    Running,
    /// A generation is being replaced by the next one.
    Restarting,
    /// A generation is being replaced by one of another binary.
    Upgrading,
    /// The sessions are being ended.
    Stopping,
    /// No generation runs, as the operator wants it.
    Stopped,
    /// The data plane dies again and again.
    Unavailable,
}

/// What the operator can ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Replace the generation; sessions end at a transaction boundary.
    Restart,
    /// End the generation and start the next one.
    ForceRestart,
    /// End the sessions and close the listeners.
    Stop,
    /// Serve again.
    Start,
    /// Replace the generation, then the coordinator, by another binary.
    Upgrade(PathBuf),
}

/// The answer of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The command is carried out.
    Admitted,
    /// It is carried out, and the running operation ends as superseded.
    Supersedes,
    /// It is refused.
    Refused,
}

impl State {
    /// Every state, in the order of the table's columns.
    pub const ALL: [Self; 7] = [
        Self::Running,
        Self::Starting,
        Self::Restarting,
        Self::Upgrading,
        Self::Stopping,
        Self::Stopped,
        Self::Unavailable,
    ];

    /// Whether `command` is admitted in this state.
    #[must_use]
    pub fn admits(self, command: &Command) -> Verdict {
        use Verdict::{Admitted, Refused, Supersedes};
        match (command, self) {
            (_, Self::Running) if *command != Command::Start => Admitted,
            (Command::ForceRestart | Command::Start, Self::Stopped | Self::Unavailable)
            | (Command::Stop, Self::Unavailable) => Admitted,
            (Command::ForceRestart, Self::Starting | Self::Restarting | Self::Stopping)
            | (Command::Stop, Self::Starting | Self::Restarting) => Supersedes,
            _ => Refused,
        }
    }
}

impl Command {
    /// Its word in tasks.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Restart => "restart",
            Self::ForceRestart => "force_restart",
            Self::Stop => "stop",
            Self::Start => "start",
            Self::Upgrade(_) => "upgrade",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_the_one_of_the_design_cell_by_cell() {
        use Verdict::{Admitted as A, Refused as R, Supersedes as S};
        // Running, Starting, Restarting, Upgrading, Stopping, Stopped, Unavailable
        for (command, row) in [
            (Command::Restart, [A, R, R, R, R, R, R]),
            (Command::ForceRestart, [A, S, S, R, S, A, A]),
            (Command::Stop, [A, S, S, R, R, R, A]),
            (Command::Start, [R, R, R, R, R, A, A]),
            (Command::Upgrade("/new".into()), [A, R, R, R, R, R, R]),
        ] {
            for (state, verdict) in State::ALL.into_iter().zip(row) {
                assert_eq!(state.admits(&command), verdict, "{command:?} in {state:?}");
            }
        }
    }
}
