//! System calls of a proxy, counted by perf, else by strace, in a run of their own.

use odp_tests::process::send;
use rustix::process::Signal;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A tool that counts the system calls of some processes.
#[derive(Debug)]
pub struct Counter {
    tool: Child,
    read: fn(&str) -> Option<f64>,
}

/// How long a tool may take to attach itself; the proxy is idle meanwhile, so nothing is missed.
const ATTACH: Duration = Duration::from_millis(400);

impl Counter {
    /// Starts to count; `None` where neither tool can.
    #[must_use]
    pub fn start(pids: &[u32]) -> Option<Self> {
        Self::spawn(&mut perf(pids), read_perf)
            .or_else(|| Self::spawn(&mut strace(pids), read_strace))
    }

    fn spawn(command: &mut Command, read: fn(&str) -> Option<f64>) -> Option<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let mut tool = command.stderr(Stdio::piped()).spawn().ok()?;
        std::thread::sleep(ATTACH);
        let ended = tool.try_wait().ok()?.is_some();
        (!ended).then_some(Self { tool, read })
    }

    /// How many there were since the start; `None` when the tool does not say.
    #[must_use]
    pub fn finish(self) -> Option<f64> {
        send(self.tool.id(), Signal::INT).ok()?;
        let output = self.tool.wait_with_output().ok()?;
        (self.read)(&String::from_utf8_lossy(&output.stderr))
    }
}

fn perf(pids: &[u32]) -> Command {
    let list: Vec<_> = pids.iter().map(u32::to_string).collect();
    let mut command = Command::new("perf");
    command
        .args(["stat", "-x", ",", "-e", "raw_syscalls:sys_enter", "-p"])
        .arg(list.join(","));
    command
}

fn read_perf(text: &str) -> Option<f64> {
    let line = text.lines().find(|line| line.contains("sys_enter"))?;
    line.split(',').next()?.parse().ok()
}

fn strace(pids: &[u32]) -> Command {
    let mut command = Command::new("strace");
    command.args(["-c", "-f"]);
    for pid in pids {
        command.args(["-p", &pid.to_string()]);
    }
    command
}

/// strace ends with a table; its last line has the number of calls in the fourth column.
fn read_strace(text: &str) -> Option<f64> {
    let line = text
        .lines()
        .rfind(|line| line.trim_end().ends_with("total"))?;
    line.split_whitespace().nth(3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counts_of_both_tools_are_found() {
        let perf = "8123,,raw_syscalls:sys_enter,1000,100.00,,\n";
        assert_eq!(read_perf(perf), Some(8123.0));
        assert_eq!(
            read_perf("<not counted>,,raw_syscalls:sys_enter,0,0,,"),
            None
        );
        let strace = "100.00    0.000698           4       144        19 total\n";
        assert_eq!(read_strace(strace), Some(144.0));
    }
}
