//! The duty of process 1: ends of processes that nobody else waits for.
//!
//! In a container the coordinator is process 1, and whatever loses its parent becomes its child.

use rustix::process::{Pid, WaitOptions, waitpid};
use std::fs;
use tokio::signal::unix::{SignalKind, signal};

/// Reaps until the task is aborted; does nothing in any other process.
pub(super) async fn run() {
    if std::process::id() != 1 {
        return;
    }
    let Ok(mut ends) = signal(SignalKind::child()) else {
        return;
    };
    while ends.recv().await.is_some() {
        for pid in orphaned_zombies() {
            // It may have been waited for meanwhile.
            waitpid(Some(pid), WaitOptions::NOHANG).ok();
        }
    }
}

/// Ended children that this process did not start: their process group is not their own, or their name
/// is not that of a data plane, which its own task waits for.
fn orphaned_zombies() -> Vec<Pid> {
    let Ok(processes) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    processes
        .flatten()
        .filter_map(|entry| {
            let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            is_orphaned_zombie(&stat).then(|| Pid::from_raw(pid))?
        })
        .collect()
}

/// Reads a line of `/proc/<pid>/stat`: pid, name in brackets, state, parent, process group.
fn is_orphaned_zombie(stat: &str) -> bool {
    let Some((head, tail)) = stat.rsplit_once(") ") else {
        return false;
    };
    let pid = head.split(' ').next().unwrap_or_default();
    let name = head.split_once(" (").map_or("", |(_, name)| name);
    let mut fields = tail.split(' ');
    let (state, parent, group) = (fields.next(), fields.next(), fields.next());
    let data_plane = name == crate::data_plane::PROCESS_NAME && group == Some(pid);
    state == Some("Z") && parent == Some("1") && !data_plane
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ended_strangers_are_reaped() {
        for (stat, reaped) in [
            ("7 (sleep) Z 1 3 3 0", true),
            ("7 (a) b) Z 1 3 3 0", true),
            ("7 (odp) Z 1 3 3 0", true),
            ("7 (odp) Z 1 7 3 0", false),
            ("7 (sleep) S 1 3 3 0", false),
            ("7 (sleep) Z 2 3 3 0", false),
            ("", false),
        ] {
            assert_eq!(is_orphaned_zombie(stat), reaped, "{stat}");
        }
    }
}
