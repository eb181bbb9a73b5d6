//! A generated script is answered the same, byte by byte, by one server and through the proxy in front
//! of a cluster, where the statements go to one server and then to another.

use odp_tests::script::{Dialect, Script, differ};
use odp_tests::wire::Login;
use odp_tests::{Engine, Failure, Fronted, Sandbox, Timer, workspace};

#[test]
fn a_script_is_answered_the_same_through_three_servers() -> Result<(), Failure> {
    let _timer = Timer::start();
    let sandbox = Sandbox::start()?;
    let ports = sandbox.server_ports()?;
    let direct = Login::app(ports.first().copied().unwrap_or_default(), "app@demo");
    through_three_servers(Dialect::Simulator, &seeds(2)?, direct, &sandbox)
}

#[test]
fn a_script_is_answered_the_same_through_three_servers_of_a_real_engine() -> Result<(), Failure> {
    let _timer = Timer::start();
    let engine = Engine::shared()?;
    let sandbox = Sandbox::on_engine(&engine, &[])?;
    through_three_servers(
        Dialect::SeekDb,
        &seeds(1)?,
        Login::app(engine.port(), "app"),
        &sandbox,
    )
}

/// There is one server, and the client's login is relayed to it: the proxy itself must not be felt.
#[test]
fn a_script_is_answered_the_same_in_front_of_mariadb() -> Result<(), Failure> {
    let _timer = Timer::start();
    let fronted = Fronted::mariadb()?;
    fronted.empty_the_databases()?;
    let account = fronted.direct();
    let direct = Login {
        password: account.password,
        ..Login::app(account.port, account.user)
    };
    let proxied = Login {
        port: fronted.proxy.port(),
        ..direct
    };
    let dialect = Dialect::MariaDb;
    for seed in seeds(1)? {
        differ(
            Script::new(seed, dialect),
            steps(dialect),
            [direct, direct, proxied],
        )?;
    }
    Ok(())
}

fn through_three_servers(
    dialect: Dialect,
    seeds: &[u64],
    direct: Login<'_>,
    sandbox: &Sandbox,
) -> Result<(), Failure> {
    let proxied = Login::app(sandbox.app().port, "app@demo");
    let ports = sandbox.server_ports()?;
    // A server of the cluster, so that the cluster knows of the tables.
    let server = Login::app(ports.first().copied().unwrap_or_default(), "app@demo");
    let before = sandbox.servers()?;
    for &seed in seeds {
        differ(
            Script::new(seed, dialect),
            steps(dialect),
            [server, direct, proxied],
        )?;
    }
    let after = sandbox.servers()?;
    let share = after.iter().zip(&before).skip(1);
    let switched: u64 = share
        .map(|(after, before)| after.statements - before.statements)
        .sum();
    assert!(
        switched > 1_000,
        "only {switched} statements on the other servers"
    );
    Ok(())
}

/// `ODP_SEED` repeats one seed; otherwise they are fixed, so that a run can be compared with another.
fn seeds(usual: u64) -> Result<Vec<u64>, Failure> {
    match std::env::var("ODP_SEED") {
        Ok(text) => match text.parse() {
            Ok(seed) => Ok(vec![seed]),
            Err(_) => Err(Failure::answer("ODP_SEED", text)),
        },
        Err(_) if workspace::long() => Ok((1..=20).collect()),
        Err(_) => Ok((1..=usual).collect()),
    }
}

/// Steps of each seed.
fn steps(dialect: Dialect) -> usize {
    match dialect {
        Dialect::Simulator | Dialect::MariaDb => 5_000,
        // A real engine takes its time for each.
        Dialect::SeekDb => 2_500,
    }
}
