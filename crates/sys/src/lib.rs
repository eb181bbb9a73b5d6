//! The few system calls without a safe wrapper, behind safe functions; the only crate with unsafe code.
//!
//! What the kernel knows about a TCP connection: bytes that the peer has not acknowledged,
//! retransmissions, round-trip time. From these a server that fell silent is told from a slow one.
//! And which signals a thread takes, and what time it is here.

mod local_time;
mod signals;

pub use local_time::LocalTime;
pub use signals::{hold_back_end_signals, let_end_signals_in};

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

/// The kernel's view of a connection (`TCP_INFO`, `linux/tcp.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TcpInfo {
    /// Segments sent and not acknowledged.
    pub unacknowledged_segments: u32,
    /// Retransmissions of the oldest unacknowledged segment, without an answer.
    pub retransmits: u8,
    /// Retransmissions over the connection's whole life.
    pub total_retransmits: u32,
    /// The smoothed round-trip time.
    pub round_trip: Duration,
    /// Since data was sent last.
    pub since_last_sent: Duration,
    /// Since data came last.
    pub since_last_received: Duration,
}

/// Asks the kernel about a TCP connection.
///
/// # Errors
/// What `getsockopt` reports, for example that the socket is no TCP socket.
pub fn tcp_info(socket: impl AsFd) -> io::Result<TcpInfo> {
    let mut info = MaybeUninit::<libc::tcp_info>::zeroed();
    let mut length = libc::socklen_t::try_from(size_of::<libc::tcp_info>())
        .expect("the structure has some hundred bytes");
    // SAFETY: the descriptor is open for the length of the call, because it is borrowed; the kernel
    // writes at most `length` bytes to `info`, which is as large as that.
    let result = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            info.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: all fields are plain numbers, for which the zeros of the start are valid; an older kernel
    // that knows fewer of them leaves those at zero.
    let info = unsafe { info.assume_init() };
    Ok(TcpInfo {
        unacknowledged_segments: info.tcpi_unacked,
        retransmits: info.tcpi_retransmits,
        total_retransmits: info.tcpi_total_retrans,
        round_trip: Duration::from_micros(info.tcpi_rtt.into()),
        since_last_sent: Duration::from_millis(info.tcpi_last_data_sent.into()),
        since_last_received: Duration::from_millis(info.tcpi_last_data_recv.into()),
    })
}

/// How many bytes a socket has been given that its peer has not acknowledged (`SIOCOUTQ`).
///
/// # Errors
/// What `ioctl` reports, for example that the descriptor is no socket.
pub fn unacknowledged_bytes(socket: impl AsFd) -> io::Result<usize> {
    let mut bytes: libc::c_int = 0;
    // SAFETY: the descriptor is open for the length of the call; TIOCOUTQ (SIOCOUTQ for sockets) writes
    // one int to the address it is given.
    let result = unsafe { libc::ioctl(socket.as_fd().as_raw_fd(), libc::TIOCOUTQ, &raw mut bytes) };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(usize::try_from(bytes).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn the_kernel_tells_of_a_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        client.write_all(b"hello").unwrap();
        server.read_exact(&mut [0; 5]).unwrap();
        server.write_all(b"!").unwrap();
        client.read_exact(&mut [0; 1]).unwrap();
        let info = tcp_info(&client).unwrap();
        assert_eq!((info.retransmits, info.unacknowledged_segments), (0, 0));
        assert!(info.round_trip > Duration::ZERO);
        assert_eq!(unacknowledged_bytes(&client).unwrap(), 0);
    }

    #[test]
    fn bytes_that_the_peer_does_not_take_are_counted() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        client.set_nonblocking(true).unwrap();
        let _server = listener.accept().unwrap();
        while (&client).write(&[0; 65_536]).is_ok() {}
        assert!(unacknowledged_bytes(&client).unwrap() > 0);
    }

    #[test]
    fn what_is_no_socket_is_an_error() {
        let file = std::fs::File::open("/dev/null").unwrap();
        assert!(tcp_info(&file).is_err());
        assert!(unacknowledged_bytes(&file).is_err());
    }
}
