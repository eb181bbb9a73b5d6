//! One command of the proxy's own and the whole of its answer.

use crate::PoolError;
use bytes::BytesMut;
use odp_cluster::ServerAddr;
use odp_protocol::stream::{Stream, StreamError};
use odp_protocol::{
    CommandKind, Control, ErrPacket, Framing, HEADER_LEN, ProtocolError, ResponseTracker,
    StatusFlags, Step,
};

/// Sends `command` and reads its answer to the end; what a client would read as rows goes to `keep`
/// piece by piece. Answers the status flags of its end.
///
/// # Errors
/// [`PoolError::Refused`] when the answer is an error: the connection stands. After any other error it is
/// of no more use.
pub(crate) async fn ask(
    addr: ServerAddr,
    stream: &mut Stream,
    command: &[u8],
    framing: Framing,
    mut keep: impl FnMut(BytesMut) -> Result<(), ProtocolError>,
) -> Result<StatusFlags, PoolError> {
    stream.put_packet(0, command);
    stream.flush().await.map_err(PoolError::io(addr))?;
    let kind = command
        .first()
        .map_or(CommandKind::Quit, |byte| CommandKind::from_byte(*byte));
    let mut tracker = ResponseTracker::new(kind, framing);
    let mut refusal = None;
    loop {
        match tracker
            .next(stream.inbound())
            .map_err(PoolError::protocol(addr))?
        {
            Step::Done => break,
            Step::Forward(count) => {
                keep(stream.take(count)).map_err(PoolError::protocol(addr))?;
            }
            Step::Packet(control, count) => {
                let packet = stream.take(count);
                if control == Control::Err {
                    let payload = packet.get(HEADER_LEN..).unwrap_or_default();
                    refusal = Some(ErrPacket::parse(payload).map_err(PoolError::protocol(addr))?);
                }
            }
            Step::More(_) => {
                let read = stream.read_more().await.map_err(PoolError::io(addr))?;
                if read == 0 {
                    return Err(PoolError::broken(addr)(StreamError::Closed));
                }
            }
        }
    }
    match refusal {
        Some(error) => Err(PoolError::Refused { addr, error }),
        None => Ok(tracker.status().unwrap_or(StatusFlags::empty())),
    }
}
