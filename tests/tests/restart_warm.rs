//! A new generation begins with what the old one knew: its first statements ask for no metadata, and
//! need no metadata server.

use odp_tests::clients::{Account, mariadb};
use odp_tests::mysql::Connection;
use odp_tests::{Failure, Sandbox, Stage, Timer, wait};
use serde_json::Value;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[test]
fn the_first_statement_of_a_new_generation_asks_for_no_metadata() -> Result<(), Failure> {
    let _timer = Timer::start();
    let cluster = Arc::new(Sandbox::start()?);
    let stage = Stage::in_front_of(Arc::clone(&cluster), |settings| {
        settings
            .with("hot_upgrade_exit_timeout", "\"1s\"")
            .with("server_state_refresh_interval", "\"1h\"")
            // What is known of accounts is read anew by each generation, and would be counted.
            .with("pool_mode", "\"off\"")
    })?;
    mariadb(stage.app(), "test", &create("warm"))?;
    let select = |id: u32| -> Result<u64, Failure> {
        let before = quiet(&cluster)?;
        let mut session = login(stage.app())?;
        session.query("USE test")?;
        session.query(&format!("SELECT v FROM warm WHERE id = {id}"))?;
        Ok(quiet(&cluster)? - before)
    };
    let cold = select(3)?;
    let warm = select(3)?;
    assert!(cold > warm, "cold {cold}, warm {warm}: nothing was learnt");
    stage.restart()?;
    let after = select(3)?;
    assert!(
        after <= warm,
        "statements on the servers: cold {cold}, warm {warm}, in the new generation {after}\n{}",
        stage.proxy.evidence()
    );
    Ok(())
}

#[test]
fn every_location_outlives_restarts_in_which_no_server_tells_metadata() -> Result<(), Failure> {
    let _timer = Timer::start();
    let cluster = Arc::new(Sandbox::start()?);
    let stage = Stage::in_front_of(Arc::clone(&cluster), |settings| {
        settings
            .with("hot_upgrade_exit_timeout", "\"0s\"")
            .with("server_state_refresh_interval", "\"1h\"")
    })?;
    let mut tables = String::new();
    for number in 0..TABLES {
        // Writing to a string cannot fail.
        writeln!(tables, "{};", create(&format!("warm_{number}"))).ok();
    }
    mariadb(stage.app(), "test", &tables)?;
    select_from_each(&stage)?;
    // From the next generation on, every server refuses the login for metadata.
    let config = stage.proxy.config();
    let text = std::fs::read_to_string(&config).map_err(Failure::io("read the configuration"))?;
    let refused = format!("{text}observer_sys_password = \"{}\"\n", "0".repeat(40));
    std::fs::write(&config, refused).map_err(Failure::io("write the configuration"))?;
    // The second one knows only what the first one was told.
    for _ in 0..2 {
        stage.restart()?;
        let before = leaders(&cluster)?;
        select_from_each(&stage)?;
        let after = leaders(&cluster)?;
        let evidence = || stage.proxy.evidence();
        assert_eq!(after.misses, before.misses, "{}", evidence());
        assert_eq!(
            after.hits,
            before.hits + u64::from(TABLES),
            "{}",
            evidence()
        );
        wait::until("a refused metadata login", MOMENT, || {
            let status = stage.proxy.status().map_err(|error| error.to_string())?;
            let error = status.pointer("/discovery/error").and_then(Value::as_str);
            error.map(drop).ok_or_else(|| status.to_string())
        })?;
    }
    stage.wait_for_two_processes()
}

/// What the servers counted altogether.
struct Leaders {
    hits: u64,
    misses: u64,
}

fn leaders(cluster: &Sandbox) -> Result<Leaders, Failure> {
    let servers = cluster.servers()?;
    Ok(Leaders {
        hits: servers.iter().map(|server| server.leader_hits).sum(),
        misses: servers.iter().map(|server| server.leader_misses).sum(),
    })
}

fn select_from_each(stage: &Stage) -> Result<(), Failure> {
    let mut session = login(stage.app())?;
    session.query("USE test")?;
    for number in 0..TABLES {
        session.query(&format!("SELECT v FROM warm_{number} WHERE id = {number}"))?;
    }
    Ok(())
}

fn login(account: Account<'_>) -> Result<Connection, Failure> {
    Connection::login(account.port, account.user, account.password)
}

fn create(table: &str) -> String {
    format!(
        "CREATE TABLE {table} (id BIGINT PRIMARY KEY, v VARCHAR(30)) \
         PARTITION BY HASH(id) PARTITIONS 16"
    )
}

/// What the servers were asked altogether, once they have not been asked anything for a while.
fn quiet(cluster: &Sandbox) -> Result<u64, Failure> {
    let mut last = (Instant::now(), u64::MAX);
    wait::until("quiet servers", MOMENT, || {
        let servers = cluster.servers().map_err(|error| error.to_string())?;
        let sum = servers.iter().map(|server| server.statements).sum();
        if sum != last.1 {
            last = (Instant::now(), sum);
        }
        if last.0.elapsed() > Duration::from_millis(400) {
            return Ok(sum);
        }
        Err(format!("{sum} statements"))
    })
}

/// More than a generation could fetch before its first client.
const TABLES: u32 = 300;
const MOMENT: Duration = Duration::from_secs(15);
