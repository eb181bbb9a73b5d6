//! A black hole: the kernel drops the packets to and from one port of the loopback.
//!
//! It takes `tc` and `CAP_NET_ADMIN` in the network namespace; `unshare -rn` gives both to anybody. A
//! filter at the ingress of `lo` drops: the sender sees nothing of it, as behind a cable that is cut.
//! (A queue that drops, or a route that leads nowhere, tells the sender.)

use crate::error::SimulatorError;
use std::net::SocketAddr;
use std::process::Command;

/// The program that drops the packets of IPv4 and TCP from and to `port`, in the form that `tc` takes:
/// code, jumps, operand. Offsets count from the Ethernet header, which packets on `lo` have.
fn program(port: u16) -> String {
    let port = u32::from(port);
    let steps: [(u16, u8, u8, u32); 10] = [
        (0x28, 0, 0, 12),
        (0x15, 0, 6, 0x0800),
        (0x30, 0, 0, 23),
        (0x15, 0, 4, 6),
        (0x28, 0, 0, 36),
        (0x15, 3, 0, port),
        (0x28, 0, 0, 34),
        (0x15, 1, 0, port),
        // TC_ACT_UNSPEC, go on as ever, and TC_ACT_SHOT.
        (0x06, 0, 0, u32::MAX),
        (0x06, 0, 0, 2),
    ];
    let steps = steps.map(|(code, yes, no, operand)| format!("{code} {yes} {no} {operand}"));
    format!("{},{}", steps.len(), steps.join(","))
}

/// Drops every packet from and to this server from now on.
///
/// # Errors
/// [`SimulatorError::Impossible`] where packets cannot be dropped.
pub(crate) fn start_dropping(addr: SocketAddr) -> Result<(), SimulatorError> {
    if !addr.is_ipv4() || !addr.ip().is_loopback() {
        let text = format!("{addr} is no IPv4 address of the loopback");
        return Err(SimulatorError::Impossible(text));
    }
    // Refused when it is there already.
    tc("qdisc add dev lo clsact").ok();
    let priority = addr.port();
    let program = program(addr.port());
    let filter = format!("filter add dev lo ingress prio {priority} protocol ip bpf da bytecode");
    let mut arguments: Vec<&str> = filter.split(' ').collect();
    arguments.push(&program);
    run_tc(&arguments)
}

/// Lets them through again.
///
/// # Errors
/// [`SimulatorError::Impossible`] when `tc` refuses.
pub(crate) fn stop_dropping(addr: SocketAddr) -> Result<(), SimulatorError> {
    tc(&format!("filter del dev lo ingress prio {}", addr.port()))
}

fn tc(arguments: &str) -> Result<(), SimulatorError> {
    run_tc(&arguments.split(' ').collect::<Vec<_>>())
}

fn run_tc(arguments: &[&str]) -> Result<(), SimulatorError> {
    let impossible = |why: &str| {
        SimulatorError::Impossible(format!(
            "dropping packets takes `tc` and CAP_NET_ADMIN, as in `unshare -rn`: {why}"
        ))
    };
    let output = Command::new("tc").args(arguments).output();
    let output = output.map_err(|error| impossible(&error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    Err(impossible(String::from_utf8_lossy(&output.stderr).trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_looks_at_both_ports() {
        assert_eq!(
            program(2881),
            "10,40 0 0 12,21 0 6 2048,48 0 0 23,21 0 4 6,40 0 0 36,21 3 0 2881,40 0 0 34,21 1 0 \
             2881,6 0 0 4294967295,6 0 0 2"
        );
    }
}
