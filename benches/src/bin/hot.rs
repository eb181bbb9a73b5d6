//! Runs one hot function a number of times: what the guard of instruction counts has valgrind watch.

use odp_benches::hot;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let hot = arguments.next().and_then(|name| hot::by_name(&name));
    let times = arguments.next().and_then(|times| times.parse::<u32>().ok());
    let (Some(mut hot), Some(times)) = (hot, times) else {
        return ExitCode::from(2);
    };
    for _ in 0..times {
        hot.run();
    }
    ExitCode::SUCCESS
}
