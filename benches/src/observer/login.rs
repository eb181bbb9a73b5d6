//! Logins at the fake server: any user, any password, proxies in proxy mode.

use bytes::BytesMut;
use odp_protocol::auth::Salt;
use odp_protocol::stream::{Stream, StreamError};
use odp_protocol::{
    CapabilityFlags, Greeting, HandshakeResponse, LOGIN_MAX, NATIVE_PASSWORD, OkFormat, OkPacket,
    SessionChange, StatusFlags,
};

/// Who is on the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// A client, or a proxy that does not say so.
    Direct,
    /// A proxy: an extra OK ends every answer that does not end in one.
    Proxy,
}

/// The system variables of an OBServer 4.3.
const VARIABLES: usize = 838;

/// Those that a proxy heeds, with an OBServer's defaults.
const KNOWN: [(&str, &str); 7] = [
    ("autocommit", "ON"),
    ("character_set_client", "utf8mb4"),
    ("collation_connection", "utf8mb4_general_ci"),
    ("ob_query_timeout", "10000000"),
    ("ob_read_consistency", "STRONG"),
    ("net_write_timeout", "60"),
    ("wait_timeout", "28800"),
];

pub(super) async fn run(stream: &mut Stream, id: u32) -> Result<Mode, StreamError> {
    let greeting = Greeting {
        version: "5.7.25".to_owned(),
        connection_id: id,
        capabilities: CapabilityFlags::from_bits_retain(0x009F_F7DF),
        collation: 46,
        status: StatusFlags::SERVER_STATUS_AUTOCOMMIT,
        salt: Salt::from_random([7; 20]),
        plugin: NATIVE_PASSWORD.to_owned(),
    };
    let mut payload = BytesMut::new();
    greeting.put(&mut payload);
    stream.put_packet(0, &payload);
    stream.flush().await?;
    let (sequence, packet) = stream.read_packet(LOGIN_MAX).await?;
    let response = HandshakeResponse::parse(&packet)?;
    let is_proxy = response.attributes.get("__mysql_client_type") == Some(b"__ob_proxy");
    let mode = if is_proxy { Mode::Proxy } else { Mode::Direct };
    let mut payload = BytesMut::new();
    match mode {
        Mode::Direct => OkPacket::default().put(&mut payload, OkFormat::Plain),
        Mode::Proxy => put_proxy_ok(response.database.as_deref(), &mut payload),
    }
    stream.put_packet(sequence.wrapping_add(1), &payload);
    stream.flush().await?;
    Ok(mode)
}

/// The OK of a login in proxy mode: the database and every system variable.
fn put_proxy_ok(database: Option<&[u8]>, payload: &mut BytesMut) {
    let fillers: Vec<(String, String)> = (KNOWN.len()..VARIABLES)
        .map(|number| (format!("bench_variable_{number:03}"), number.to_string()))
        .collect();
    let known = KNOWN.iter().copied();
    let all = known.chain(fillers.iter().map(|(name, value)| (&**name, &**value)));
    let mut changes: Vec<SessionChange<'_>> =
        database.map(SessionChange::Schema).into_iter().collect();
    changes.extend(all.map(|(name, value)| SessionChange::System {
        name: name.as_bytes(),
        value: value.as_bytes(),
    }));
    let mut records = BytesMut::new();
    SessionChange::put_for_proxy(&changes, &mut records);
    OkPacket {
        changes: &records,
        ..OkPacket::default()
    }
    .put(payload, OkFormat::Tracked);
}
