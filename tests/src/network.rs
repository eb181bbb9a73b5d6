//! A network of the test's own, where packets can be dropped without anybody else's noticing.

use crate::Failure;
use crate::process::run_to_end;
use std::process::{Command, ExitStatus};
use std::time::Duration;

/// Where a test runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// In a namespace of its own: packets can be dropped.
    Own,
    /// With everybody else: packets cannot be dropped.
    Shared,
}

/// Runs a test once more in a network of its own and gives how that ended; `None` when this is that
/// run already, or when there cannot be such a network.
///
/// # Errors
/// When the test binary cannot be started again.
pub fn rerun_in_own_network(test: &str) -> Result<Option<ExitStatus>, Failure> {
    if here() == Network::Own || !possible() {
        return Ok(None);
    }
    let binary = std::env::current_exe().map_err(Failure::io("find the test binary"))?;
    // The output of the inner run belongs to the outer one, whoever captures it.
    let status = Command::new("unshare")
        .args(["--map-root-user", "--net", "--kill-child", "--fork"])
        .args(["sh", "-c", "ip link set lo up && exec \"$0\" \"$@\""])
        .arg(binary)
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(MARK, "1")
        .status()
        .map_err(Failure::io("run a test in a network of its own"))?;
    Ok(Some(status))
}

/// Where this process runs.
#[must_use]
pub fn here() -> Network {
    if std::env::var_os(MARK).is_some() {
        Network::Own
    } else {
        Network::Shared
    }
}

/// Whether packets can be dropped in a network namespace here: it takes user namespaces (or root) and
/// `tc` with a classifier that runs BPF.
fn possible() -> bool {
    let filter = "tc filter add dev lo ingress prio 1 protocol ip bpf da bytecode '1,6 0 0 2'";
    let script = format!("ip link set lo up && tc qdisc add dev lo clsact && {filter}");
    let mut probe = Command::new("unshare");
    probe
        .args(["--map-root-user", "--net", "sh", "-c"])
        .arg(script);
    run_to_end(&mut probe, Duration::from_secs(10)).is_ok()
}

const MARK: &str = "ODP_TEST_IN_OWN_NETWORK";
