//! What is shown of a test that passes, past the capture of the test runner: how long it took, and figures.

use std::io::Write as _;
use std::time::Instant;

/// Lives as long as a test; its drop prints `test NAME took X.X s`.
#[derive(Debug)]
pub struct Timer {
    name: String,
    started: Instant,
}

impl Timer {
    /// Starts the clock of the running test, whose name the test runner gave to its thread.
    #[must_use]
    pub fn start() -> Self {
        let name = std::thread::current()
            .name()
            .unwrap_or("unnamed")
            .to_owned();
        Self {
            name,
            started: Instant::now(),
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        let seconds = self.started.elapsed().as_secs_f64();
        say(&format!("test {} took {seconds:.1} s", self.name));
    }
}

/// Prints a line that is a result of the test, like a figure or a seed.
pub fn say(line: &str) {
    // The handle itself is not captured, unlike `eprintln!`; a closed one is no reason to fail.
    writeln!(std::io::stderr(), "{line}").ok();
}
