//! Whatever a client sends as a command.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| odp_fuzz::command(data));

#[cfg(not(fuzzing))]
fn main() {}
