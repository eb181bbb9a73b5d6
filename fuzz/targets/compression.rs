//! Whatever a client that compresses sends.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| odp_fuzz::compression(data));

#[cfg(not(fuzzing))]
fn main() {}
