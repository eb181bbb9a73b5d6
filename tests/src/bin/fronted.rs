//! Starts an engine and a proxy in front of it for `tests/suites/run.py`, and ends them with stdin.
//!
//! Writes one line of JSON that says where they are; then each line that it reads empties the
//! databases, which one written line confirms.

use odp_tests::{Failure, Fronted};
use serde_json::json;
use std::io::{self, Write as _};
use std::process::ExitCode;

fn main() -> ExitCode {
    match run(std::env::args().nth(1).as_deref()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(engine: Option<&str>) -> Result<(), Failure> {
    let fronted = match engine {
        Some("mariadb") => Fronted::mariadb()?,
        Some("seekdb") => Fronted::seekdb()?,
        other => {
            let given = other.unwrap_or("nothing");
            return Err(Failure::answer("start mariadb or seekdb", given));
        }
    };
    let account = fronted.direct();
    say(&json!({
        "direct": account.port,
        "proxied": fronted.proxy.port(),
        "user": account.user,
        "password": account.password,
        "proxy": fronted.proxy.dir(),
    }))?;
    for line in io::stdin().lines() {
        line.map_err(Failure::io("read stdin"))?;
        fronted.empty_the_databases()?;
        say(&json!("empty"))?;
    }
    Ok(())
}

fn say(what: &serde_json::Value) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    writeln!(out, "{what}")
        .and_then(|()| out.flush())
        .map_err(Failure::io("write to stdout"))
}
