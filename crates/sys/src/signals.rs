//! Holding back the signals that end a process while it has no handlers for them.
//!
//! A process that replaces its image loses its handlers, but not what is held back: a signal that comes
//! in between waits until the new image lets it in.

use std::io;
use std::mem::MaybeUninit;
use std::ptr;

/// Holds SIGTERM and SIGINT back from this thread, and from those that it starts, over an exec too. A
/// process whose every thread does so finds the signal pending later.
///
/// # Errors
/// What `pthread_sigmask` reports.
pub fn hold_back_end_signals() -> io::Result<()> {
    change(libc::SIG_BLOCK)
}

/// Lets them in again; one that waits is delivered at once.
///
/// # Errors
/// What `pthread_sigmask` reports.
pub fn let_end_signals_in() -> io::Result<()> {
    change(libc::SIG_UNBLOCK)
}

fn change(how: libc::c_int) -> io::Result<()> {
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: `sigemptyset` initialises the set that it is given, the other calls get it afterwards; a null
    // pointer says that the former mask is of no interest.
    let error = unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), libc::SIGTERM);
        libc::sigaddset(set.as_mut_ptr(), libc::SIGINT);
        libc::pthread_sigmask(how, set.as_ptr(), ptr::null_mut())
    };
    match error {
        0 => Ok(()),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The signals that this thread holds back, as bits from SIGHUP on (`proc(5)`, `SigBlk`).
    fn held() -> u64 {
        let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("SigBlk:"));
        u64::from_str_radix(line.unwrap().trim(), 16).unwrap()
    }

    #[test]
    fn a_thread_and_those_it_starts_hold_the_signals_back_until_they_let_them_in() {
        const BITS: u64 = 1 << (libc::SIGTERM - 1) | 1 << (libc::SIGINT - 1);
        std::thread::spawn(|| {
            assert_eq!(held() & BITS, 0);
            hold_back_end_signals().unwrap();
            assert_eq!(held() & BITS, BITS);
            std::thread::spawn(|| assert_eq!(held() & BITS, BITS))
                .join()
                .unwrap();
            let_end_signals_in().unwrap();
            assert_eq!(held() & BITS, 0);
        })
        .join()
        .unwrap();
    }
}
