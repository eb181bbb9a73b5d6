//! A generated script is answered the same, byte by byte, by one server and through the proxy in front
//! of a cluster, where the statements go to one server and then to another.

use odp_tests::mysql::Connection;
use odp_tests::script::{Dialect, Script, compare, play};
use odp_tests::wire::Login;
use odp_tests::{Failure, Sandbox, Timer, workspace};
use std::io::Write as _;

#[test]
fn a_script_is_answered_the_same_through_three_servers() -> Result<(), Failure> {
    let _timer = Timer::start();
    let sandbox = Sandbox::start()?;
    let ports = sandbox.server_ports()?;
    let direct = ports.first().copied().unwrap_or_default();
    let login = |port| Login {
        port,
        user: "app@demo",
        password: "app",
        database: "test",
    };
    let mut switched = 0;
    for seed in seeds()? {
        set_up(login(direct))?;
        let before = sandbox.servers()?;
        let expected = play(Script::new(seed, Dialect::Simulator), STEPS, login(direct));
        let expected = expected.map_err(|error| explain(seed, "directly", &error))?;
        set_up(login(direct))?;
        let proxied = login(sandbox.app().port);
        let played = play(Script::new(seed, Dialect::Simulator), STEPS, proxied);
        let played = played.map_err(|error| explain(seed, "through the proxy", &error))?;
        if let Some(difference) = compare(&expected, &played) {
            return Err(Failure::answer(format!("seed {seed}"), difference));
        }
        let after = sandbox.servers()?;
        let share = after.iter().zip(&before).skip(1);
        for (after, before) in share {
            switched += after.statements - before.statements;
        }
        let note = format!("seed {seed}: {STEPS} steps, the same\n");
        std::io::stderr().write_all(note.as_bytes()).ok();
    }
    assert!(
        switched > 2_000,
        "only {switched} statements on the other servers"
    );
    Ok(())
}

fn explain(seed: u64, place: &str, error: &Failure) -> Failure {
    Failure::answer(format!("seed {seed}, {place}"), error.to_string())
}

fn set_up(login: Login<'_>) -> Result<(), Failure> {
    let mut connection = Connection::login(login.port, login.user, login.password)?;
    connection.query("USE test")?;
    for sql in Script::setup() {
        connection.query(&sql)?;
    }
    Ok(())
}

/// `ODP_SEED` repeats one seed; otherwise they are fixed, so that a run can be compared with another.
fn seeds() -> Result<Vec<u64>, Failure> {
    match std::env::var("ODP_SEED") {
        Ok(text) => match text.parse() {
            Ok(seed) => Ok(vec![seed]),
            Err(_) => Err(Failure::answer("ODP_SEED", text)),
        },
        Err(_) if workspace::long() => Ok((1..=20).collect()),
        Err(_) => Ok(vec![1, 2]),
    }
}

/// Steps of each seed.
const STEPS: usize = 5_000;
