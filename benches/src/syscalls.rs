//! System calls of a proxy, counted by perf, else by strace, in a run of their own.

use std::process::{Command, Stdio};
use std::time::Duration;

/// How many system calls these processes make in `window`; `None` where neither tool can tell.
#[must_use]
pub fn count(pids: &[u32], window: Duration) -> Option<f64> {
    with_perf(pids, window).or_else(|| with_strace(pids, window))
}

fn with_perf(pids: &[u32], window: Duration) -> Option<f64> {
    let list: Vec<_> = pids.iter().map(u32::to_string).collect();
    let output = Command::new("perf")
        .args(["stat", "-x", ",", "-e", "raw_syscalls:sys_enter", "-p"])
        .arg(list.join(","))
        .args(["sleep", &window.as_secs_f64().to_string()])
        .stdout(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let line = text.lines().find(|line| line.contains("sys_enter"))?;
    line.split(',').next()?.parse().ok()
}

/// strace ends with a table; its last line has the number of calls in the fourth column.
fn with_strace(pids: &[u32], window: Duration) -> Option<f64> {
    let mut command = Command::new("timeout");
    command
        .args(["--signal=INT", &window.as_secs_f64().to_string()])
        .args(["strace", "-c", "-f"]);
    for pid in pids {
        command.args(["-p", &pid.to_string()]);
    }
    let output = command.stdout(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let line = text
        .lines()
        .rfind(|line| line.trim_end().ends_with("total"))?;
    line.split_whitespace().nth(3)?.parse().ok()
}
