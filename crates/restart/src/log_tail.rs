//! The last lines that a data plane wrote to stderr, kept while they are passed on.

use parking_lot::Mutex;
use std::collections::VecDeque;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;

/// The last lines, shared between who reads the pipe and who asks.
#[derive(Debug, Clone, Default)]
pub(crate) struct LogTail(Arc<Mutex<Lines>>);

#[derive(Debug, Default)]
struct Lines {
    whole: VecDeque<String>,
    partial: Vec<u8>,
}

impl LogTail {
    /// Lines that are kept.
    const LINES: usize = 20;
    /// Bytes of a line that are kept.
    const LINE: usize = 1024;

    pub(crate) fn lines(&self) -> Vec<String> {
        let lines = self.0.lock();
        let partial = (!lines.partial.is_empty()).then(|| text(&lines.partial));
        lines.whole.iter().cloned().chain(partial).collect()
    }

    /// Reads `pipe` to its end and passes everything on to this process's own stderr. Cancel-safe.
    pub(crate) async fn follow(&self, pipe: &mut pipe::Receiver) {
        let mut buffer = vec![0; 8192];
        loop {
            match pipe.read(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(count) => {
                    let bytes = buffer.get(..count).unwrap_or_default();
                    // A log that cannot be written is no reason to stop.
                    std::io::stderr().write_all(bytes).ok();
                    self.0.lock().add(bytes);
                }
            }
        }
    }
}

impl Lines {
    fn add(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            let room = LogTail::LINE.saturating_sub(self.partial.len());
            let end = piece.strip_suffix(b"\n");
            let line = end.unwrap_or(piece);
            self.partial
                .extend_from_slice(line.get(..room).unwrap_or(line));
            if end.is_some() {
                if self.whole.len() >= LogTail::LINES {
                    self.whole.pop_front();
                }
                self.whole.push_back(text(&self.partial));
                self.partial.clear();
            }
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end().to_owned()
}

/// The reading end of a child's stderr, for the runtime.
pub(crate) fn receiver(descriptor: OwnedFd) -> std::io::Result<pipe::Receiver> {
    let flags = rustix::fs::fcntl_getfl(&descriptor)?;
    rustix::fs::fcntl_setfl(&descriptor, flags | rustix::fs::OFlags::NONBLOCK)?;
    pipe::Receiver::from_owned_fd(descriptor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_kept_and_long_ones_are_cut() {
        let tail = LogTail::default();
        for number in 0..30 {
            tail.0.lock().add(format!("line {number}\n").as_bytes());
        }
        tail.0.lock().add(&[b'x'; 5000]);
        tail.0.lock().add(b"\nand the begin");
        tail.0.lock().add(b"ning of the next");
        let lines = tail.lines();
        assert_eq!(lines.len(), LogTail::LINES + 1);
        assert_eq!(lines[0], "line 11");
        assert_eq!(lines[19].len(), LogTail::LINE);
        assert_eq!(lines[20], "and the beginning of the next");
    }
}
