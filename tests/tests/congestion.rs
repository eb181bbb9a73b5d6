//! `SHOW PROXYCONGESTION` as an operator sees it: through the `mariadb` client, server by server as it gets
//! sick, and not shown to anybody else.

use odp_tests::clients::{Account, mariadb};
use odp_tests::http::Endpoint;
use odp_tests::mysql::Connection;
use odp_tests::sandbox::ServerCount;
use odp_tests::{Failure, Sandbox, Timer, wait};
use serde_json::json;
use std::collections::HashMap;
use std::time::Duration;

#[test]
fn the_blacklist_is_shown_in_obproxys_columns_to_root_of_the_sys_tenant() -> Result<(), Failure> {
    let _timer = Timer::start();
    let sandbox = Sandbox::start_with(&["server_state_refresh_interval=1s"])?;
    let root = Account {
        user: "root@sys",
        password: "",
        ..sandbox.app()
    };
    let servers = sandbox.servers()?;
    let [first, second, third] = servers.as_slice() else {
        return Err(Failure::answer("three servers", format!("{servers:?}")));
    };

    is_empty_while_all_are_well(&servers, root)?;
    tells_the_dead_from_the_inactive(&sandbox, &first.addr, &second.addr, root)?;
    is_nobody_elses(&sandbox, root)?;
    sandbox.heal(&first.addr)?;
    sandbox.heal(&second.addr)?;
    drain(&sandbox, &third.addr)?;
    wait::until("the drained server alone", MOMENT, || {
        let rows = shown(root, "SHOW PROXYCONGESTION").map_err(|error| error.to_string())?;
        match rows.as_slice() {
            [row] if row.of("server_ip") == third.addr && row.of("server_state") == "DRAINED" => {
                Ok(())
            }
            _ => Err(format!("{rows:?}")),
        }
    })
}

fn is_empty_while_all_are_well(servers: &[ServerCount], root: Account<'_>) -> Result<(), Failure> {
    let all = shown(root, "SHOW PROXYCONGESTION ALL")?;
    assert_eq!(all.len(), 3, "{all:?}");
    for (server, row) in servers.iter().zip(&all) {
        assert_eq!(row.of("server_ip"), server.addr);
        assert_eq!(row.of("zone_name"), server.zone);
        for (column, value) in [
            ("cluster_name", "sandbox"),
            ("zone_state", "ACTIVE"),
            ("server_state", "ACTIVE"),
            ("alive_congested", "0"),
            ("last_alive_congested", "0"),
            ("dead_congested", "0"),
            ("last_dead_congested", "0"),
            ("conn_last_fail_time", "0"),
            ("alive_failure_events", "0"),
            ("detect_congested", "0"),
            ("last_detect_congested", "0"),
        ] {
            assert_eq!(row.of(column), value, "{column} of {row:?}");
        }
    }
    assert_eq!(shown(root, "show proxycongestion")?, []);
    for (other, rows) in [
        ("'sandbox'", 3),
        ("sandbox", 3),
        ("'SANDBOX'", 0),
        ("'no''body'", 0),
    ] {
        let found = shown(root, &format!("SHOW PROXYCONGESTION ALL {other};"))?;
        assert_eq!(found.len(), rows, "{other}");
    }
    Ok(())
}

fn tells_the_dead_from_the_inactive(
    sandbox: &Sandbox,
    inactive: &str,
    dead: &str,
    root: Account<'_>,
) -> Result<(), Failure> {
    sandbox.inject(inactive, &json!({"fault": "status", "status": "INACTIVE"}))?;
    sandbox.inject(dead, &json!({"fault": "kill"}))?;
    let listed = wait::until("two servers on lists", MOMENT, || {
        // Whoever logs in asks the dead one too.
        mariadb(sandbox.app(), "test", "SELECT 1").ok();
        let rows = shown(root, "SHOW PROXYCONGESTION").map_err(|error| error.to_string())?;
        let of = |addr: &str| rows.iter().find(|row| row.of("server_ip") == addr).cloned();
        match (of(inactive), of(dead)) {
            (Some(first), Some(second))
                if rows.len() == 2 && second.of("stat_alive_failures") != "0" =>
            {
                Ok((first, second))
            }
            _ => Err(format!("{rows:?}")),
        }
    })?;
    let (inactive, dead) = listed;
    assert_eq!(
        (inactive.of("server_state"), inactive.of("dead_congested")),
        ("INACTIVE", "1")
    );
    assert_eq!(
        (dead.of("server_state"), dead.of("detect_congested")),
        ("ACTIVE", "1")
    );
    for time in [
        inactive.of("last_dead_congested"),
        dead.of("last_detect_congested"),
        dead.of("alive_last_fail_time"),
    ] {
        assert!(is_time(time), "{time}");
    }
    Ok(())
}

/// The server says that it does not know the statement.
fn is_nobody_elses(sandbox: &Sandbox, root: Account<'_>) -> Result<(), Failure> {
    let mut app = Connection::login(sandbox.app().port, "app@demo", "app")?;
    let refused = app
        .query("SHOW PROXYCONGESTION ALL")
        .map_err(|error| error.server_code());
    assert!(matches!(refused, Err(Some(1064))), "{refused:?}");
    let nonsense = mariadb(root, "test", "SHOW PROXYCONGESTION ALL 'a' 'b'");
    assert!(nonsense.is_err_and(|error| error.to_string().contains("ERROR 1064")));
    Ok(())
}

fn drain(sandbox: &Sandbox, addr: &str) -> Result<(), Failure> {
    let path = format!("/v1/servers/{addr}/drain");
    let answer = Endpoint::open(sandbox.admin_port()).request("POST", &path, None)?;
    assert_eq!(answer.status, 200, "{}", answer.body);
    Ok(())
}

/// A row by the names of its columns.
#[derive(Debug, Clone, PartialEq)]
struct Row(HashMap<String, String>);

impl Row {
    fn of(&self, column: &str) -> &str {
        self.0.get(column).map_or("no such column", String::as_str)
    }
}

/// The rows of a statement by the names of its columns, which are these.
fn shown(account: Account<'_>, sql: &str) -> Result<Vec<Row>, Failure> {
    // The client writes no names for a result without rows.
    let output = mariadb(account, "test", &format!("{sql}; SELECT 'end'"))?;
    let mut lines = output
        .lines()
        .map(|line| line.split('\t').collect::<Vec<_>>());
    let head = lines.next().unwrap_or_default();
    if head == ["end"] {
        return Ok(Vec::new());
    }
    assert_eq!(head, COLUMNS);
    let rows = lines.take_while(|line| *line != ["end"]);
    Ok(rows
        .map(|row| {
            let named = COLUMNS.iter().zip(row);
            Row(named
                .map(|(name, value)| ((*name).to_owned(), value.to_owned()))
                .collect())
        })
        .collect())
}

/// `2026-01-31 23:59:59`
fn is_time(text: &str) -> bool {
    let shape: String = text
        .chars()
        .map(|letter| if letter.is_ascii_digit() { '0' } else { letter })
        .collect();
    shape == "0000-00-00 00:00:00"
}

const COLUMNS: [&str; 20] = [
    "cluster_name",
    "zone_name",
    "region_name",
    "zone_state",
    "server_ip",
    "cr_version",
    "server_state",
    "alive_congested",
    "last_alive_congested",
    "dead_congested",
    "last_dead_congested",
    "stat_alive_failures",
    "stat_conn_failures",
    "conn_last_fail_time",
    "conn_failure_events",
    "alive_last_fail_time",
    "alive_failure_events",
    "ref_count",
    "detect_congested",
    "last_detect_congested",
];

const MOMENT: Duration = Duration::from_secs(30);
