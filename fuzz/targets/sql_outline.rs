//! Whatever a client sends as a statement.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| odp_fuzz::sql_outline(data));

#[cfg(not(fuzzing))]
fn main() {}
