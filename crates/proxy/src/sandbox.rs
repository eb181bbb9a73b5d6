//! `odp sandbox`: a simulated cluster with the real proxy in front of it.
use crate::command_line::Sandbox;
use crate::error::Error;

pub(crate) fn run(_arguments: &Sandbox) -> Result<(), Error> {
    Err(Error::Sandbox("not yet".to_owned()))
}
