//! A tiny MySQL client of the harness's own: login and text statements.
//!
//! It is written from the manual, independent of the proxy's protocol crate, so that both cannot
//! share a mistake; and it starts in microseconds, which a loop around a crash needs. Where a
//! client's habits matter, the tests use real clients.

mod prepared;

pub use prepared::Rows;

use crate::Failure;
use sha1::{Digest as _, Sha1};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// A row of a text result; `None` is NULL.
pub type Row = Vec<Option<String>>;

/// A logged-in connection.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    id: u32,
    affected_rows: u8,
}

/// What a login says besides user and password.
#[derive(Debug, Clone, Copy, Default)]
pub struct LoginOptions<'a> {
    /// Capability bits besides the usual ones.
    pub capabilities: u32,
    /// The database to start in.
    pub database: Option<&'a str>,
    /// The address that the client says it has, as a proxy in front of the proxy does.
    pub client_ip: Option<&'a str>,
    /// The number of its collation; `utf8mb4_general_ci` without one.
    pub collation: Option<u8>,
}

/// `CLIENT_FOUND_ROWS`: an UPDATE counts the rows that it found.
pub const FOUND_ROWS: u32 = 0x2;

/// Connects over TCP and reads the greeting, as a load balancer's deeper check would.
///
/// # Errors
/// When the connection is refused, closed or greeted with an error.
pub fn greeting(port: u16) -> Result<Vec<u8>, Failure> {
    let mut connection = Connection {
        stream: connect(port)?,
        id: 0,
        affected_rows: 0,
    };
    let (_, greeting) = connection.read_packet()?;
    Connection::check(&greeting)?;
    Ok(greeting)
}

impl Connection {
    /// Connects and logs in with `mysql_native_password`.
    ///
    /// # Errors
    /// [`Failure::Server`] when the server refuses; I/O failures otherwise.
    pub fn login(port: u16, user: &str, password: &str) -> Result<Self, Failure> {
        Self::login_with(port, user, password, LoginOptions::default())
    }

    /// Logs in and asks for compression, which this client then does not speak: for tests that do.
    ///
    /// # Errors
    /// As [`Connection::login`].
    pub fn login_compressed(port: u16, user: &str, password: &str) -> Result<Self, Failure> {
        let options = LoginOptions {
            capabilities: COMPRESS,
            ..LoginOptions::default()
        };
        Self::login_with(port, user, password, options)
    }

    /// The same with more to say.
    ///
    /// # Errors
    /// As [`Connection::login`].
    pub fn login_with(
        port: u16,
        user: &str,
        password: &str,
        options: LoginOptions<'_>,
    ) -> Result<Self, Failure> {
        let mut connection = Self {
            stream: connect(port)?,
            id: 0,
            affected_rows: 0,
        };
        let (sequence, greeting) = connection.read_packet()?;
        Self::check(&greeting)?;
        let salt = salt(&greeting)
            .ok_or_else(|| Failure::answer("read the greeting", format!("{greeting:02x?}")))?;
        connection.id = thread_id(&greeting).unwrap_or(0);
        let mut capabilities = CAPABILITIES | options.capabilities;
        if options.database.is_some() {
            capabilities |= CONNECT_WITH_DB;
        }
        if options.client_ip.is_some() {
            capabilities |= CONNECT_ATTRS;
        }
        let mut response = Vec::new();
        response.extend(capabilities.to_le_bytes());
        response.extend(MAX_PACKET.to_le_bytes());
        response.push(options.collation.unwrap_or(UTF8MB4_GENERAL_CI));
        response.extend([0; 23]);
        response.extend(user.as_bytes());
        response.push(0);
        let scramble = scramble(password, &salt);
        response.push(u8::try_from(scramble.len()).unwrap_or(0));
        response.extend(scramble);
        if let Some(database) = options.database {
            response.extend(database.as_bytes());
            response.push(0);
        }
        response.extend(b"mysql_native_password\0");
        if let Some(ip) = options.client_ip {
            let mut attributes = Vec::new();
            for text in ["__client_ip", ip] {
                attributes.push(u8::try_from(text.len()).unwrap_or(0));
                attributes.extend(text.as_bytes());
            }
            response.push(u8::try_from(attributes.len()).unwrap_or(0));
            response.extend(attributes);
        }
        connection.write_packet(sequence.wrapping_add(1), &response)?;
        let (_, answer) = connection.read_packet()?;
        Self::check(&answer)?;
        match answer.first() {
            Some(0) => Ok(connection),
            _ => Err(Failure::answer("log in", format!("{answer:02x?}"))),
        }
    }

    /// Whether an answer, or the begin of one, comes within the limit.
    ///
    /// # Errors
    /// When the connection is gone.
    pub fn has_answer_within(&mut self, limit: Duration) -> Result<bool, Failure> {
        self.limit(limit)?;
        match self.stream.peek(&mut [0]) {
            Ok(count) => Ok(count > 0),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(Failure::io("wait for an answer")(error)),
        }
    }

    /// Whether something has come that nobody asked for: between two statements nothing may.
    ///
    /// # Errors
    /// When the connection is gone.
    pub fn has_unasked(&mut self) -> Result<bool, Failure> {
        let io = Failure::io("look for what nobody asked for");
        let peeked = self.stream.set_nonblocking(true).and_then(|()| {
            let peeked = self.stream.peek(&mut [0]);
            self.stream.set_nonblocking(false)?;
            peeked
        });
        match peeked {
            Ok(count) => Ok(count > 0),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(io(error)),
        }
    }

    /// The longest wait for an answer from now on.
    ///
    /// # Errors
    /// For a wait of no time at all.
    pub fn limit(&mut self, limit: Duration) -> Result<(), Failure> {
        let result = self.stream.set_read_timeout(Some(limit));
        result.map_err(Failure::io("set a time-out"))
    }

    /// The client's port.
    ///
    /// # Errors
    /// When the connection is gone.
    pub fn local_port(&self) -> Result<u16, Failure> {
        let addr = self.stream.local_addr();
        Ok(addr.map_err(Failure::io("ask for the own port"))?.port())
    }

    /// Runs one statement and gives its rows (none for a statement without a result set).
    ///
    /// # Errors
    /// [`Failure::Server`] for an error packet; I/O failures otherwise.
    pub fn query(&mut self, sql: &str) -> Result<Vec<Row>, Failure> {
        self.send_query(sql)?;
        self.rows()
    }

    /// Asks for the sessions of the server, by `COM_PROCESS_INFO`.
    ///
    /// # Errors
    /// [`Failure::Server`] for an error packet; I/O failures otherwise.
    pub fn process_info(&mut self) -> Result<Vec<Row>, Failure> {
        self.write_packet(0, &[COM_PROCESS_INFO])?;
        self.rows()
    }

    fn rows(&mut self) -> Result<Vec<Row>, Failure> {
        let (_, head) = self.read_packet()?;
        Self::check(&head)?;
        if let [0, affected, ..] = head[..] {
            self.affected_rows = affected;
            return Ok(Vec::new());
        }
        let columns = head.first().copied().unwrap_or(0);
        for _ in 0..columns {
            self.read_packet()?;
        }
        self.read_packet()?;
        let mut rows = Vec::new();
        loop {
            let (_, packet) = self.read_packet()?;
            Self::check(&packet)?;
            if packet.first() == Some(&EOF) && packet.len() < 9 {
                return Ok(rows);
            }
            rows.push(row(&packet));
        }
    }

    /// The connection's id, as the greeting told.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// How many rows the last statement without rows changed, up to 250.
    #[must_use]
    pub fn affected_rows(&self) -> u8 {
        self.affected_rows
    }

    /// Says goodbye.
    ///
    /// # Errors
    /// I/O failures.
    pub fn quit(mut self) -> Result<(), Failure> {
        self.write_packet(0, &[COM_QUIT])
    }

    /// Sends a statement and leaves its answer unread.
    ///
    /// # Errors
    /// I/O failures.
    pub fn send_query(&mut self, sql: &str) -> Result<(), Failure> {
        let mut command = vec![COM_QUERY];
        command.extend(sql.as_bytes());
        self.write_packet(0, &command)
    }

    /// Kills a connection by `COM_PROCESS_KILL`.
    ///
    /// # Errors
    /// [`Failure::Server`] for an error packet; I/O failures otherwise.
    pub fn process_kill(&mut self, id: u32) -> Result<(), Failure> {
        let mut command = vec![COM_PROCESS_KILL];
        command.extend(id.to_le_bytes());
        self.write_packet(0, &command)?;
        let (_, answer) = self.read_packet()?;
        Self::check(&answer)
    }

    /// `COM_RESET_CONNECTION`.
    ///
    /// # Errors
    /// [`Failure::Server`] for an error packet; I/O failures otherwise.
    pub fn reset_connection(&mut self) -> Result<(), Failure> {
        self.write_packet(0, &[COM_RESET_CONNECTION])?;
        let (_, answer) = self.read_packet()?;
        Self::check(&answer)
    }

    /// Waits until the other side ends this idle connection; true when that was a clean end, without
    /// an error packet and without a reset.
    ///
    /// # Errors
    /// When it is still open after the limit.
    pub fn wait_for_clean_end(&mut self, limit: Duration) -> Result<bool, Failure> {
        self.limit(limit)?;
        let mut rest = Vec::new();
        match self.stream.read_to_end(&mut rest) {
            Ok(_) => Ok(rest.is_empty()),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => Ok(false),
            Err(error) => Err(Failure::io("wait for the end of a session")(error)),
        }
    }

    /// The underlying socket, for tests that go beyond what a client does.
    #[must_use]
    pub fn into_stream(self) -> TcpStream {
        self.stream
    }

    pub(crate) fn check(packet: &[u8]) -> Result<(), Failure> {
        let [ERR, low, high, rest @ ..] = packet else {
            return Ok(());
        };
        let (state, text) = match rest {
            [b'#', rest @ ..] => rest.split_at_checked(5).unwrap_or((&[], rest)),
            _ => (&[] as &[u8], rest),
        };
        Err(Failure::Server {
            code: u16::from_le_bytes([*low, *high]),
            state: String::from_utf8_lossy(state).into_owned(),
            text: String::from_utf8_lossy(text).into_owned(),
        })
    }

    fn read_packet(&mut self) -> Result<(u8, Vec<u8>), Failure> {
        let mut head = [0; 4];
        self.stream
            .read_exact(&mut head)
            .map_err(Failure::io("read a packet"))?;
        let [a, b, c, sequence] = head;
        let mut body = vec![0; u32::from_le_bytes([a, b, c, 0]) as usize];
        self.stream
            .read_exact(&mut body)
            .map_err(Failure::io("read a packet"))?;
        Ok((sequence, body))
    }

    fn write_packet(&mut self, sequence: u8, body: &[u8]) -> Result<(), Failure> {
        let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
        let [a, b, c, _] = length.to_le_bytes();
        let mut packet = vec![a, b, c, sequence];
        packet.extend(body);
        self.stream
            .write_all(&packet)
            .map_err(Failure::io("write a packet"))
    }
}

pub(crate) fn connect(port: u16) -> Result<TcpStream, Failure> {
    let what = format!("connect to 127.0.0.1:{port}");
    let stream = TcpStream::connect(("127.0.0.1", port)).map_err(Failure::io(&what))?;
    stream
        .set_read_timeout(Some(READ_TIMEOUT))
        .map_err(Failure::io(&what))?;
    stream.set_nodelay(true).map_err(Failure::io(what))?;
    Ok(stream)
}

/// The 8 + 12 salt bytes of a protocol 10 greeting.
pub(crate) fn salt(greeting: &[u8]) -> Option<Vec<u8>> {
    let version_end = greeting.iter().position(|&byte| byte == 0)?;
    let after_id = version_end + 1 + 4;
    let first = greeting.get(after_id..after_id + 8)?;
    let second = greeting
        .get(after_id + 8 + 1 + 2 + 1 + 2 + 2 + 1 + 10..)?
        .get(..12)?;
    Some([first, second].concat())
}

fn thread_id(greeting: &[u8]) -> Option<u32> {
    let version_end = greeting.iter().position(|&byte| byte == 0)?;
    let id = greeting.get(version_end + 1..version_end + 5)?;
    Some(u32::from_le_bytes(id.try_into().ok()?))
}

pub(crate) fn scramble(password: &str, salt: &[u8]) -> Vec<u8> {
    if password.is_empty() {
        return Vec::new();
    }
    let once = Sha1::digest(password.as_bytes());
    let twice = Sha1::digest(once);
    let salted = Sha1::new()
        .chain_update(salt)
        .chain_update(twice)
        .finalize();
    once.iter().zip(salted).map(|(a, b)| a ^ b).collect()
}

/// Values of a text row shorter than 64 KB, which is all that the harness itself asks for.
fn row(mut packet: &[u8]) -> Row {
    let mut values = Vec::new();
    while let Some((&first, rest)) = packet.split_first() {
        let (length, rest) = match (first, rest) {
            (0xFB, _) => {
                values.push(None);
                packet = rest;
                continue;
            }
            (0xFC, [low, high, rest @ ..]) => {
                (usize::from(u16::from_le_bytes([*low, *high])), rest)
            }
            (length, _) => (usize::from(length), rest),
        };
        let (value, rest) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        values.push(Some(String::from_utf8_lossy(value).into_owned()));
        packet = rest;
    }
    values
}

const COM_QUIT: u8 = 1;
const COM_QUERY: u8 = 3;
const COM_PROCESS_INFO: u8 = 0x0A;
const COM_PROCESS_KILL: u8 = 0x0C;
const COM_RESET_CONNECTION: u8 = 0x1F;
const EOF: u8 = 0xFE;
const ERR: u8 = 0xFF;
/// `LONG_PASSWORD`, `PROTOCOL_41`, `TRANSACTIONS`, `SECURE_CONNECTION`, `PLUGIN_AUTH`.
const CAPABILITIES: u32 = 0x1 | 0x200 | 0x2000 | 0x8000 | 0x0008_0000;
const COMPRESS: u32 = 0x20;
const CONNECT_WITH_DB: u32 = 0x8;
const CONNECT_ATTRS: u32 = 0x0010_0000;
const MAX_PACKET: u32 = 16 << 20;
const UTF8MB4_GENERAL_CI: u8 = 45;
const READ_TIMEOUT: Duration = Duration::from_secs(20);
