//! Whatever a server sends as the columns and rows of its metadata.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| odp_fuzz::metadata_row(data));

#[cfg(not(fuzzing))]
fn main() {}
