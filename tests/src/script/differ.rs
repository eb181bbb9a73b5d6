//! Plays a script on two ways to the same servers: both must say the same.

use super::Script;
use super::player::{compare, play};
use crate::mysql::Connection;
use crate::wire::Login;
use crate::{Failure, say};

/// Plays the first `steps` steps directly and through a proxy. The first of the three logins is for making
/// what must be there, by a way on which the cluster hears of it.
///
/// # Errors
/// The first difference, with the seed and the steps before it.
pub fn differ(
    script: Script,
    steps: usize,
    [server, direct, proxied]: [Login<'_>; 3],
) -> Result<(), Failure> {
    let (seed, dialect) = (script.seed, script.dialect);
    let again = Script::new(seed, dialect);
    set_up(server)?;
    let expected = play(script, steps, direct);
    let expected = expected.map_err(|error| explain(seed, "directly", &error))?;
    set_up(server)?;
    let played = play(again, steps, proxied);
    let played = played.map_err(|error| explain(seed, "through the proxy", &error))?;
    if let Some(difference) = compare(&expected, &played) {
        return Err(Failure::answer(format!("seed {seed}"), difference));
    }
    say(&format!(
        "{dialect:?}, seed {seed}: {steps} steps, the same"
    ));
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
