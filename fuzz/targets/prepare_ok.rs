//! Whatever a server answers to a PREPARE.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| odp_fuzz::prepare_ok(data));

#[cfg(not(fuzzing))]
fn main() {}
