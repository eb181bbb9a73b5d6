//! CPU time and memory of a proxy: all of its processes, from `/proc`.

use std::collections::{HashMap, HashSet};
use std::fs::read_to_string;

/// Clock ticks in a second (`USER_HZ`): 100 on every Linux of today.
pub const TICKS_PER_SECOND: f64 = 100.0;

/// CPU time in ticks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cpu {
    /// In user mode.
    pub user: u64,
    /// In the kernel.
    pub system: u64,
}

impl Cpu {
    /// Both together.
    #[must_use]
    pub fn total(self) -> u64 {
        self.user + self.system
    }

    /// What has been used since `before`.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        Self {
            user: self.user.saturating_sub(before.user),
            system: self.system.saturating_sub(before.system),
        }
    }
}

/// A process and all its descendants.
#[must_use]
pub fn family(root: u32) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        if let Some(parent) = field(pid, PARENT) {
            let parent = u32::try_from(parent).unwrap_or_default();
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut family = vec![root];
    let mut seen = HashSet::from([root]);
    let mut at = 0;
    while let Some(parent) = family.get(at) {
        let found = children.remove(parent).unwrap_or_default();
        family.extend(found.into_iter().filter(|pid| seen.insert(*pid)));
        at += 1;
    }
    family
}

/// The CPU time of these processes, with that of the threads that have ended.
#[must_use]
pub fn cpu(pids: &[u32]) -> Cpu {
    pids.iter().fold(Cpu::default(), |sum, &pid| Cpu {
        user: sum.user + field(pid, USER).unwrap_or(0),
        system: sum.system + field(pid, SYSTEM).unwrap_or(0),
    })
}

/// The resident memory of these processes in kB.
#[must_use]
pub fn rss_kb(pids: &[u32]) -> u64 {
    let one = |pid: &u32| {
        let status = read_to_string(format!("/proc/{pid}/status")).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok()
    };
    pids.iter().filter_map(one).sum()
}

/// Fields of `/proc/<pid>/stat`, counted behind the name of the command (proc(5): 4, 14 and 15).
const PARENT: usize = 1;
const USER: usize = 11;
const SYSTEM: usize = 12;

fn field(pid: u32, at: usize) -> Option<u64> {
    let stat = read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(at)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_a_parent_memory_and_a_place_in_its_parents_family() {
        let own = std::process::id();
        assert!(rss_kb(&[own]) > 0);
        let parent = u32::try_from(field(own, PARENT).unwrap()).unwrap();
        assert!(family(parent).contains(&own));
        assert_eq!(family(own).first(), Some(&own));
    }
}
