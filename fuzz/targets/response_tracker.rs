//! Whatever a server sends as a response.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| odp_fuzz::response_tracker(data));

#[cfg(not(fuzzing))]
fn main() {}
