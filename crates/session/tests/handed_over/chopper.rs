//! Carries the bytes of a connection in small pieces, so that a session can be interrupted anywhere in
//! them.

use odp_protocol::stream::Transport;
use std::rc::Rc;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;

/// Bytes that are on their way at most: what one read of a session gets.
const PIECE: usize = 61;

/// Puts pieces between a session and its socket; each piece that arrives is told to `moved`. A connection
/// that is carried so already stays as it is.
pub(crate) fn chop(transport: Transport, moved: &Rc<Notify>) -> Transport {
    let Transport::Plain(socket) = transport else {
        return transport;
    };
    let (near, far) = tokio::io::duplex(PIECE);
    tokio::task::spawn_local(carry(socket, far, Rc::clone(moved)));
    Transport::Duplex(near)
}

async fn carry(mut socket: TcpStream, far: tokio::io::DuplexStream, moved: Rc<Notify>) {
    let (from_peer, to_peer) = socket.split();
    let (from_session, to_session) = tokio::io::split(far);
    tokio::join!(
        copy(from_peer, to_session, &moved),
        copy(from_session, to_peer, &moved),
    );
}

/// Copies until the end, which is passed on; what an end that is gone does not take is lost, as with TCP.
async fn copy(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, moved: &Notify) {
    let mut piece = [0; PIECE];
    loop {
        let count = from.read(&mut piece).await.unwrap_or_default();
        if count == 0 || to.write_all(&piece[..count]).await.is_err() {
            break;
        }
        moved.notify_one();
    }
    to.shutdown().await.ok();
}
