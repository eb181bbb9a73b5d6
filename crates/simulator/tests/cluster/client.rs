//! A small blocking client: direct, or in proxy mode as a proxy logs in.

use bytes::BytesMut;
use odp_protocol::auth::{Salt, native_response, stage1};
use odp_protocol::{
    Attributes, CapabilityFlags, ErrPacket, FrameHeader, Greeting, HandshakeResponse,
    NATIVE_PASSWORD, OkFormat, OkPacket, PrepareOk, SessionChange, StatusFlags, TextRow,
    put_packet,
};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

/// The answer to one statement.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) rows: Vec<Vec<Option<String>>>,
    pub(crate) error: Option<(u16, String)>,
    pub(crate) affected: u64,
    pub(crate) insert_id: u64,
    /// Status of the last packet.
    pub(crate) status: u16,
    /// System variables of the last OK.
    pub(crate) system: BTreeMap<String, String>,
    /// User variables of the last OK.
    pub(crate) user: BTreeMap<String, String>,
    pub(crate) schema: Option<String>,
    /// OK packets behind a result set or an error.
    pub(crate) extra_oks: usize,
}

impl Reply {
    pub(crate) fn in_transaction(&self) -> bool {
        StatusFlags::from_bits_retain(self.status).contains(StatusFlags::SERVER_STATUS_IN_TRANS)
    }

    pub(crate) fn value(&self) -> &str {
        self.rows[0][0].as_deref().unwrap()
    }
}

/// A session.
pub(crate) struct Client {
    stream: TcpStream,
    proxy: bool,
    pub(crate) login: Reply,
}

impl Client {
    /// Logs in directly.
    pub(crate) fn direct(addr: SocketAddr, user: &str, password: &str) -> Self {
        Self::connect(addr, user, password, None, |_| {})
    }

    /// Logs in as a proxy does for a client that answered another salt.
    pub(crate) fn proxied(addr: SocketAddr, user: &str, password: &str) -> Self {
        Self::connect(
            addr,
            user,
            password,
            Some(Salt::from_random([42; 20])),
            |_| {},
        )
    }

    /// Logs in with the connection attributes that `more` adds.
    pub(crate) fn connect(
        addr: SocketAddr,
        user: &str,
        password: &str,
        proxy_salt: Option<Salt>,
        more: impl FnOnce(&mut Attributes),
    ) -> Self {
        let stream = TcpStream::connect(addr).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut client = Self {
            stream,
            proxy: proxy_salt.is_some(),
            login: Reply::default(),
        };
        let greeting = Greeting::parse(&client.read()).unwrap();
        let mut attributes = Attributes::default();
        if let Some(salt) = &proxy_salt {
            attributes.push("__mysql_client_type", "__ob_proxy");
            attributes.push("__proxy_scramble", salt.xor(&greeting.salt).to_vec());
            attributes.push("__client_session_id", "55001");
        }
        more(&mut attributes);
        let salt = proxy_salt.unwrap_or(greeting.salt);
        let auth = if password.is_empty() {
            Vec::new()
        } else {
            native_response(&stage1(password.as_bytes()), &salt).to_vec()
        };
        let response = HandshakeResponse {
            capabilities: CapabilityFlags::CLIENT_PROTOCOL_41
                | CapabilityFlags::CLIENT_SECURE_CONNECTION
                | CapabilityFlags::CLIENT_PLUGIN_AUTH
                | CapabilityFlags::CLIENT_CONNECT_ATTRS
                | CapabilityFlags::CLIENT_CONNECT_WITH_DB
                | CapabilityFlags::CLIENT_MULTI_STATEMENTS,
            max_packet: 1 << 24,
            collation: 45,
            user: user.as_bytes().to_vec(),
            auth,
            database: Some(b"test".to_vec()),
            plugin: NATIVE_PASSWORD.to_owned(),
            attributes,
        };
        let mut payload = BytesMut::new();
        response.put(&mut payload);
        client.write(1, &payload);
        let mut login = Reply::default();
        client.control(&client.read_packet(), &mut login);
        client.login = login;
        client
    }

    fn read_packet(&self) -> Vec<u8> {
        let mut stream = &self.stream;
        let mut packet = Vec::new();
        loop {
            let mut header = [0; 4];
            stream.read_exact(&mut header).unwrap();
            let header = FrameHeader::read(&header).unwrap();
            let start = packet.len();
            packet.resize(start + header.payload, 0);
            stream.read_exact(&mut packet[start..]).unwrap();
            if !header.is_continued() {
                return packet;
            }
        }
    }

    fn read(&mut self) -> Vec<u8> {
        self.read_packet()
    }

    fn write(&mut self, sequence: u8, payload: &[u8]) {
        let mut out = BytesMut::new();
        put_packet(&mut out, sequence, payload);
        self.stream.write_all(&out).unwrap();
    }

    fn format(&self) -> OkFormat {
        if self.proxy {
            OkFormat::Tracked
        } else {
            OkFormat::Plain
        }
    }

    /// Reads an OK or ERR into `reply`.
    fn control(&self, packet: &[u8], reply: &mut Reply) {
        if packet[0] == 0xFF {
            let error = ErrPacket::parse(packet).unwrap();
            reply.error = Some((error.code, String::from_utf8(error.message).unwrap()));
            return;
        }
        let ok = OkPacket::parse(packet, self.format()).unwrap();
        reply.affected = ok.affected_rows;
        reply.insert_id = ok.last_insert_id;
        reply.status = ok.status.bits();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        SessionChange::parse_all(ok.changes, |change| match change {
            SessionChange::System { name, value } => {
                reply.system.insert(text(name), text(value));
            }
            SessionChange::User { name, value } => {
                reply.user.insert(text(name), text(value));
            }
            SessionChange::Schema(name) => reply.schema = Some(text(name)),
        })
        .unwrap();
    }

    /// Runs a text statement.
    pub(crate) fn run(&mut self, sql: &str) -> Reply {
        self.send(sql);
        self.reply()
    }

    /// Sends a text statement and does not wait for the answer.
    pub(crate) fn send(&mut self, sql: &str) {
        self.write(0, &[&[3], sql.as_bytes()].concat());
    }

    /// The connection.
    pub(crate) fn into_stream(self) -> TcpStream {
        self.stream
    }

    /// Runs a text statement that must not fail.
    pub(crate) fn ok(&mut self, sql: &str) -> Reply {
        let reply = self.run(sql);
        assert_eq!(reply.error, None, "{sql}");
        reply
    }

    /// The number of the error that a statement must end in.
    pub(crate) fn fails(&mut self, sql: &str) -> u16 {
        let reply = self.run(sql);
        reply
            .error
            .unwrap_or_else(|| panic!("{sql} did not fail: {:?}", reply.rows))
            .0
    }

    /// Prepares a statement and gives its id.
    pub(crate) fn prepare(&mut self, sql: &str) -> u32 {
        self.write(0, &[&[0x16], sql.as_bytes()].concat());
        let answer = PrepareOk::parse(&self.read()).unwrap();
        for count in [answer.parameters, answer.columns] {
            let packets = if count > 0 { count + 1 } else { 0 };
            (0..packets).for_each(|_| drop(self.read()));
        }
        if self.proxy {
            self.read();
        }
        answer.statement
    }

    /// Executes a prepared statement with whole numbers; gives the payloads of the rows, or the reply.
    pub(crate) fn execute(&mut self, statement: u32, values: &[i64]) -> (Vec<Vec<u8>>, Reply) {
        let mut packet = vec![0x17];
        packet.extend(statement.to_le_bytes());
        packet.extend([0, 1, 0, 0, 0]);
        if !values.is_empty() {
            packet.extend(vec![0; values.len().div_ceil(8)]);
            packet.push(1);
            for _ in values {
                packet.extend([8, 0]);
            }
            for value in values {
                packet.extend(value.to_le_bytes());
            }
        }
        self.write(0, &packet);
        let mut reply = Reply::default();
        let first = self.read();
        if first[0] == 0 {
            self.control(&first, &mut reply);
            return (Vec::new(), reply);
        }
        let mut rows = Vec::new();
        if first[0] == 0xFF {
            self.control(&first, &mut reply);
        } else {
            (0..=first[0]).for_each(|_| drop(self.read()));
            loop {
                let packet = self.read();
                if packet[0] == 0xFE {
                    break;
                }
                rows.push(packet);
            }
        }
        let extra = self.read();
        let error = reply.error.take();
        self.control(&extra, &mut reply);
        reply.error = error;
        (rows, reply)
    }

    fn reply(&mut self) -> Reply {
        let mut reply = Reply::default();
        let first = self.read();
        match first[0] {
            0 => {
                self.control(&first, &mut reply);
                return reply;
            }
            0xFF => self.control(&first, &mut reply),
            columns => {
                for _ in 0..columns {
                    self.read();
                }
                self.read();
                self.rows(&mut reply);
            }
        }
        if self.proxy {
            let extra = self.read();
            let error = reply.error.take();
            self.control(&extra, &mut reply);
            reply.error = error;
            reply.extra_oks += 1;
        }
        reply
    }

    fn rows(&mut self, reply: &mut Reply) {
        loop {
            let packet = self.read();
            match packet[0] {
                0xFE if packet.len() < 9 => {
                    reply.status = u16::from_le_bytes([packet[3], packet[4]]);
                    return;
                }
                0xFF => return self.control(&packet, reply),
                _ => {
                    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                    let row = TextRow::new(&packet).map(|value| value.unwrap().map(text));
                    reply.rows.push(row.collect());
                }
            }
        }
    }
}
