//! Packets that the proxy writes for a client: its own answers, and a server's OK put into the
//! client's form.

use bytes::BytesMut;
use odp_protocol::{
    ErrPacket, OkFormat, OkPacket, ProtocolError, SessionChange, StatusFlags, finish_frame,
    start_frame,
};

/// What becomes of a server's control packets on their way to a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rewrite {
    /// They are put into this form, and what is the proxy's alone is taken out.
    For(OkFormat),
    /// Both sides agreed on the same form.
    Nothing,
}

/// Writes an ERR packet.
pub(crate) fn put_error(out: &mut BytesMut, sequence: u8, error: &ErrPacket) {
    let start = start_frame(out);
    error.put(out);
    finish_frame(out, start, sequence);
}

/// Writes an OK packet of the proxy's own.
pub(crate) fn put_ok(out: &mut BytesMut, sequence: u8, status: StatusFlags, format: OkFormat) {
    let start = start_frame(out);
    OkPacket {
        status,
        ..OkPacket::default()
    }
    .put(out, format);
    finish_frame(out, start, sequence);
}

/// Writes a server's OK as the client would have got it without a proxy, and returns the block of
/// changes in it, empty for none.
///
/// A server puts one space in front of a text for a proxy. The changes of proxy mode become MySQL's
/// own for a client that tracks its session, without what is meant for a proxy.
pub(crate) fn put_server_ok<'a>(
    out: &mut BytesMut,
    sequence: u8,
    payload: &'a [u8],
    format: OkFormat,
) -> Result<&'a [u8], ProtocolError> {
    let ok = OkPacket::parse(payload, OkFormat::Tracked)?;
    let mut changes = BytesMut::new();
    if format == OkFormat::Tracked && !ok.changes.is_empty() {
        let mut seen = Vec::new();
        SessionChange::parse_all(ok.changes, |change| {
            if concerns_client(&change) {
                seen.push(change);
            }
        })?;
        SessionChange::put_for_client(&seen, &mut changes);
    }
    // The space in front of the text stays: a C client takes that byte for the text's length.
    let start = start_frame(out);
    OkPacket {
        changes: &changes,
        ..ok
    }
    .put(out, format);
    finish_frame(out, start, sequence);
    Ok(ok.changes)
}

fn concerns_client(change: &SessionChange<'_>) -> bool {
    match change {
        SessionChange::Schema(_) => true,
        SessionChange::User { .. } => false,
        SessionChange::System { name, .. } => {
            let of_proxy = name.starts_with(b"ob_proxy_") || name.starts_with(b"_ob_proxy_");
            !of_proxy && *name != b"ob_capability_flag"
        }
    }
}
