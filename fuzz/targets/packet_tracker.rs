//! Whatever a client sends as the frames of a request or of a local file.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| odp_fuzz::packet_tracker(data));

#[cfg(not(fuzzing))]
fn main() {}
