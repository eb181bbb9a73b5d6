//! Whatever a server sends as changes of the session.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| odp_fuzz::session_changes(data));

#[cfg(not(fuzzing))]
fn main() {}
