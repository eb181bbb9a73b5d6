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
/// A server puts one space in front of a text for a proxy, and for a client that does not track its session:
/// a C client takes that byte for the text's length. The changes of proxy mode become MySQL's own for a
/// client that tracks its session, without what is meant for a proxy.
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
    let info = match format {
        OkFormat::Tracked => ok.info.strip_prefix(b" ").unwrap_or(ok.info),
        OkFormat::Plain => ok.info,
    };
    let start = start_frame(out);
    OkPacket {
        info,
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A server's OK for a proxy, as a client with `format` gets it, without its frame header.
    fn given(info: &[u8], changes: &[SessionChange<'_>], format: OkFormat) -> Vec<u8> {
        let (mut block, mut server, mut out) = (BytesMut::new(), BytesMut::new(), BytesMut::new());
        if !changes.is_empty() {
            SessionChange::put_for_proxy(changes, &mut block);
        }
        let ok = OkPacket {
            info,
            changes: &block,
            ..OkPacket::default()
        };
        ok.put(&mut server, OkFormat::Tracked);
        put_server_ok(&mut out, 1, &server, format).unwrap();
        out.split_off(odp_protocol::HEADER_LEN).to_vec()
    }

    #[test]
    fn a_client_that_tracks_its_session_gets_the_text_as_it_is() {
        let tracked = given(b" Rows matched: 1", &[], OkFormat::Tracked);
        assert!(tracked.ends_with(b"\x0FRows matched: 1"), "{tracked:?}");
        let plain = given(b" Rows matched: 1", &[], OkFormat::Plain);
        assert!(plain.ends_with(b"\0\0 Rows matched: 1"), "{plain:?}");
    }

    #[test]
    fn a_client_that_tracks_its_session_learns_of_its_own_variables_alone() {
        let (name, value) = (&b"a"[..], &b"1"[..]);
        let user = SessionChange::User { name, value };
        let [own, theirs] = [&b"ob_proxy_partition_hit"[..], b"autocommit"]
            .map(|name| SessionChange::System { name, value });
        let silent = given(b"", &[own, user], OkFormat::Tracked);
        assert_eq!(silent, b"\0\0\0\x02\0\0\0\0", "{silent:?}");
        let told = given(b"", &[own, theirs, user], OkFormat::Tracked);
        assert!(
            told.ends_with(b"\0\x0f\0\x0d\x0aautocommit\x011"),
            "{told:?}"
        );
    }
}
