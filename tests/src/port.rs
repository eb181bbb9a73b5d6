//! Free ports on the loopback, never the same twice among parallel tests.

use crate::{Failure, workspace};
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, Write as _};
use std::net::TcpListener;

/// A port that nobody listens on.
///
/// Numbers are dealt from a range below the kernel's ephemeral ports, by a counter in a locked
/// file, so that neither a parallel test binary nor an outgoing connection takes it meanwhile.
///
/// # Errors
/// When the counter file cannot be used or no port of the range is free.
pub fn free() -> Result<u16, Failure> {
    let mut file = locked_counter()?;
    let mut text = String::new();
    file.read_to_string(&mut text)
        .map_err(Failure::io("read the port counter"))?;
    let mut port = text.trim().parse().unwrap_or(FIRST);
    for _ in FIRST..LAST {
        port = if (FIRST..LAST).contains(&port) {
            port + 1
        } else {
            FIRST
        };
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            file.rewind()
                .and_then(|()| file.set_len(0))
                .and_then(|()| write!(file, "{port}"))
                .map_err(Failure::io("write the port counter"))?;
            return Ok(port);
        }
    }
    Err(Failure::answer(
        "look for a free port",
        format!("none in {FIRST}..={LAST}"),
    ))
}

fn locked_counter() -> Result<File, Failure> {
    let path = workspace::real_dir()?.join("port");
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(Failure::io(format!("open {}", path.display())))?;
    file.lock().map_err(Failure::io("lock the port counter"))?;
    Ok(file)
}

const FIRST: u16 = 21_000;
const LAST: u16 = 31_999;
