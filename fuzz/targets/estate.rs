//! Whatever waits for a coordinator in the state folder.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| odp_fuzz::estate(data));

#[cfg(not(fuzzing))]
fn main() {}
