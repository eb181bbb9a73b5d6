//! The odp binary: command line, parameters, wiring, signals.
//!
//! `odp serve` is the coordinator ([`coordinator`]); it starts this same binary again as
//! `odp data-plane` ([`data_plane`]). The two share the configuration ([`config`]), which travels
//! over their control channel, and the [`snapshot`] that comes back.

mod admin_client;
mod check;
mod command_line;
mod config;
mod coordinator;
mod data_plane;
mod error;
mod exit;
mod kept_file;
mod logging;
mod metrics;
mod notice;
mod sandbox;
mod snapshot;
mod status;
mod task;
mod wall_clock;

use clap::Parser;
use command_line::{Command, CommandLine};
use std::io::Write as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    let outcome = match CommandLine::parse().command {
        Command::Serve(serve) => coordinator::serve(&serve),
        Command::Sandbox(sandbox) => sandbox::run(&sandbox),
        Command::Check(check) => check::run(&check),
        Command::Status(status) => status::run(&status),
        Command::Restart(restart) => task::restart(&restart),
        Command::Stop(options) => task::stop(&options),
        Command::Start(options) => task::start(&options),
        Command::Upgrade(upgrade) => task::upgrade(&upgrade),
        Command::Task(number) => task::show(&number),
        Command::DataPlane => data_plane::run(),
        Command::SandboxNode(node) => sandbox::run_node(&node),
        Command::SandboxEngine(engine) => sandbox::run_engine(&engine),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody may be there to read it.
            writeln!(std::io::stderr(), "odp: {error}").ok();
            exit::code(&error)
        }
    }
}
