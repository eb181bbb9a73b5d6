//! The generated script of the differential test through sessions that are written down and taken up again
//! all the time, in the middle of requests, of what a server must know first, and of answers: nothing
//! changes.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "whatever fails shall fail the test"
)]

mod chopper;
mod proxy;

use odp_session::{Amid, RoutingMode};
use odp_tests::mysql::Connection;
use odp_tests::script::{Dialect, Script, differ};
use odp_tests::wire::Login;
use odp_tests::{Engine, Failure, MariadbServer, Sandbox, Timer, say, workspace};
use proxy::{Handovers, MovingProxy};

#[test]
fn a_script_is_answered_the_same_by_sessions_that_move_all_the_time() -> Result<(), Failure> {
    let _timer = Timer::start();
    let sandbox = Sandbox::start()?;
    let ports = sandbox.server_ports()?;
    let server = Login::app(ports[0], "app@demo");
    let handovers = through_moving_sessions(Dialect::Simulator, &ports, [server, server])?;
    expect_some(&handovers, &[Amid::UserChange]);
    Ok(())
}

#[test]
fn a_script_is_answered_the_same_on_a_real_engine() -> Result<(), Failure> {
    let _timer = Timer::start();
    let engine = Engine::shared()?;
    let sandbox = Sandbox::on_engine(&engine, &[])?;
    let ports = sandbox.server_ports()?;
    let logins = [
        Login::app(ports[0], "app@demo"),
        Login::app(engine.port(), "app"),
    ];
    let handovers = through_moving_sessions(Dialect::SeekDb, &ports, logins)?;
    // The simulated cluster asks for no files.
    expect_some(&handovers, &[Amid::Upload]);
    Ok(())
}

#[test]
fn a_script_is_answered_the_same_in_front_of_mariadb() -> Result<(), Failure> {
    let _timer = Timer::start();
    let server = MariadbServer::start()?;
    let mut root = Connection::login(server.port(), "root", "")?;
    root.query("CREATE USER app IDENTIFIED BY 'app'")?;
    root.query("GRANT ALL ON *.* TO app")?;
    let proxy = MovingProxy::start(RoutingMode::MySql, &[server.port()], SEED);
    let script = Script::new(SEED, Dialect::MariaDb);
    let direct = Login::app(server.port(), "app");
    differ(
        script,
        steps(Dialect::MariaDb),
        [direct, direct, Login::app(proxy.port(), "app")],
    )?;
    let handovers = proxy.end();
    let amid = [
        Amid::Nothing,
        Amid::Request,
        Amid::Response,
        Amid::Upload,
        Amid::UserChange,
    ];
    expect_some(&handovers, &amid);
    Ok(())
}

/// Plays the script directly and through sessions that move. `server` is a server of the cluster, so that
/// the cluster knows of the tables.
fn through_moving_sessions(
    dialect: Dialect,
    ports: &[u16],
    [server, direct]: [Login<'_>; 2],
) -> Result<Handovers, Failure> {
    let proxy = MovingProxy::start(RoutingMode::OceanBase, ports, SEED);
    let proxied = Login::app(proxy.port(), "app@demo");
    let script = Script::new(SEED, dialect);
    differ(script, steps(dialect), [server, direct, proxied])?;
    let handovers = proxy.end();
    let amid = [
        Amid::Nothing,
        Amid::Command,
        Amid::Sync,
        Amid::Request,
        Amid::Response,
    ];
    expect_some(&handovers, &amid);
    Ok(handovers)
}

/// The test has missed something when nothing was handed over in the middle of it.
fn expect_some(handovers: &Handovers, kinds: &[Amid]) {
    say(&format!("handed over: {handovers:?}"));
    for kind in kinds {
        let count = handovers.get(kind).copied().unwrap_or_default();
        assert!(count > 0, "never amid {kind:?}");
    }
}

fn steps(dialect: Dialect) -> usize {
    let usual = match dialect {
        Dialect::Simulator => 2_000,
        Dialect::SeekDb | Dialect::MariaDb => 1_000,
    };
    if workspace::long() { usual * 10 } else { usual }
}

const SEED: u64 = 1;
