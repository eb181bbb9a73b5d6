//! Whatever a server sends as its greeting.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| odp_fuzz::greeting(data));

#[cfg(not(fuzzing))]
fn main() {}
