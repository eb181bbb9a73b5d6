//! `odp check`: everything that is wrong with a configuration, and what is probably not meant.

use crate::command_line::Check;
use crate::config::{Sources, sample};
use crate::coordinator::descriptor_warning;
use crate::error::Error;
use odp_restart::raise_descriptor_limit;

/// Checks the file and prints what was found, or prints a sample.
pub(crate) fn run(check: &Check) -> Result<(), Error> {
    let Some(path) = check.config.as_ref().filter(|_| !check.sample) else {
        print!("{}", sample());
        return Ok(());
    };
    let mut sources = Sources::default();
    sources.add_file(path);
    sources.add_environment();
    let config = sources.check()?;
    for warning in &config.warnings {
        println!("warning: {warning}");
    }
    if let Some(warning) = descriptor_warning(&config.settings, raise_descriptor_limit()) {
        println!("warning: {warning}");
    }
    println!("{}: ok", path.display());
    Ok(())
}
