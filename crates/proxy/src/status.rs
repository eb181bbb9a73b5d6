//! `odp status`: what a running proxy is doing, as a table or as JSON.

use crate::admin_client::AdminClient;
use crate::command_line::Status as Arguments;
use crate::error::Error;
use odp_admin::Status;
use std::fmt::Write as _;

/// Asks the proxy and prints its answer.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::Runtime)?;
    let options = &arguments.admin;
    let client = AdminClient::find(&options.admin, options.token_file.as_deref())?;
    let answer = runtime.block_on(client.get("/v1/status"))?;
    let text = String::from_utf8_lossy(&answer.body);
    if answer.status != 200 {
        return Err(Error::Answer {
            status: answer.status,
            message: text.into_owned(),
        });
    }
    if arguments.json {
        println!("{text}");
        return Ok(());
    }
    let status: Status = serde_json::from_slice(&answer.body)?;
    print!("{}", table(&status));
    Ok(())
}

fn table(status: &Status) -> String {
    let pid = |pid: Option<u32>| pid.map_or("-".to_owned(), |pid| pid.to_string());
    let sessions = &status.sessions;
    let mut rows = vec![
        ["state".to_owned(), format!("{:?}", status.state)],
        ["version".to_owned(), status.version.clone()],
        ["uptime".to_owned(), format!("{} s", status.uptime_s)],
        ["generation".to_owned(), status.generation.to_string()],
        [
            "coordinator pid".to_owned(),
            status.pids.coordinator.to_string(),
        ],
        ["data plane pid".to_owned(), pid(status.pids.data_plane)],
        ["client sessions".to_owned(), sessions.client.to_string()],
        ["server sessions".to_owned(), sessions.server.to_string()],
        [
            "in transaction".to_owned(),
            sessions.in_transaction.to_string(),
        ],
        ["pinned".to_owned(), sessions.pinned.to_string()],
    ];
    let discovery = match &status.discovery.error {
        Some(error) => error.clone(),
        None if status.discovery.connected => "connected".to_owned(),
        None => "not yet connected".to_owned(),
    };
    rows.push(["discovery".to_owned(), discovery]);
    let servers = status.servers.iter().map(|server| {
        [
            server.addr.clone(),
            or_dash(server.zone.as_str()),
            server.role.clone(),
            server.standing.clone(),
            server.strikes.to_string(),
            server
                .next_probe_at
                .clone()
                .unwrap_or_else(|| "-".to_owned()),
        ]
    });
    let head = [
        "server",
        "zone",
        "role",
        "standing",
        "strikes",
        "next probe",
    ]
    .map(str::to_owned);
    let servers: Vec<_> = std::iter::once(head).chain(servers).collect();
    format!("{}\n{}", align(&rows), align(&servers))
}

fn or_dash(text: &str) -> String {
    if text.is_empty() { "-" } else { text }.to_owned()
}

fn align<const N: usize>(rows: &[[String; N]]) -> String {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.len());
        }
    }
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (width, cell) in widths.iter().zip(row) {
            // Writing to a string cannot fail.
            write!(line, "{cell:width$}  ").ok();
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_lines_have_no_tail() {
        let rows = [
            ["a".to_owned(), "bb".to_owned()],
            ["ccc".to_owned(), String::new()],
        ];
        assert_eq!(align(&rows), "a    bb\nccc\n");
    }
}
