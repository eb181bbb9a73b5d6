//! Raw commands and the raw bytes of their answers: for tests that compare two servers byte by byte.
//!
//! Where an answer ends is read from the manual's rules, independent of the proxy's protocol crate, so
//! that both cannot share a mistake.

use crate::Failure;
use crate::mysql;
use std::io::{BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// A logged-in connection that speaks in packets.
#[derive(Debug)]
pub struct Wire {
    stream: BufReader<TcpStream>,
    /// What passwords are proved over.
    salt: Vec<u8>,
    /// What a request for a local file is answered with.
    file: Vec<u8>,
}

/// An answer as it came, and what a client must know of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reply {
    /// All packets with their headers; the id of a prepared statement is zeroed.
    pub bytes: Vec<u8>,
    /// The id that a PREPARE got.
    pub statement: Option<u32>,
    /// The number of an error.
    pub error: Option<u16>,
}

/// Who logs in, where.
#[derive(Debug, Clone, Copy)]
pub struct Login<'a> {
    /// The port on the loopback.
    pub port: u16,
    /// The user.
    pub user: &'a str,
    /// The password.
    pub password: &'a str,
    /// The database, empty for none.
    pub database: &'a str,
}

impl<'a> Login<'a> {
    /// The account `app` in the database of the tests; `user` names its tenant where there are several.
    #[must_use]
    pub fn app(port: u16, user: &'a str) -> Self {
        Self {
            port,
            user,
            password: "app",
            database: "test",
        }
    }
}

/// What comes next in an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expect {
    /// The first packet of a result.
    Result,
    /// Definitions up to EOF, then rows.
    Columns,
    /// Rows or definitions up to EOF, then perhaps a further result.
    Rows,
    /// This many groups of definitions that end in EOF.
    Definitions(u8),
    End,
}

impl Wire {
    /// Connects and logs in.
    ///
    /// # Errors
    /// [`Failure::Server`] when the server refuses; I/O failures otherwise.
    pub fn login(login: Login<'_>) -> Result<Self, Failure> {
        let mut wire = Self {
            stream: BufReader::with_capacity(64 << 10, mysql::connect(login.port)?),
            salt: Vec::new(),
            file: Vec::new(),
        };
        wire.limit(PATIENCE)?;
        let (sequence, greeting) = wire.packet(&mut Vec::new())?;
        wire.salt = mysql::salt(&greeting)
            .ok_or_else(|| Failure::answer("read the greeting", format!("{greeting:02x?}")))?;
        let mut response = Vec::new();
        response.extend(CAPABILITIES.to_le_bytes());
        response.extend((64_u32 << 20).to_le_bytes());
        response.push(UTF8MB4_GENERAL_CI);
        response.extend([0; 23]);
        response.extend(login.user.as_bytes());
        response.push(0);
        let proof = mysql::scramble(login.password, &wire.salt);
        response.push(u8::try_from(proof.len()).unwrap_or(0));
        response.extend(proof);
        response.extend(login.database.as_bytes());
        response.extend(b"\0mysql_native_password\0");
        wire.send(sequence.wrapping_add(1), &response)?;
        let (_, answer) = wire.packet(&mut Vec::new())?;
        mysql::Connection::check(&answer)?;
        match answer.first() {
            Some(0) => Ok(wire),
            _ => Err(Failure::answer("log in", format!("{answer:02x?}"))),
        }
    }

    /// How long an answer may take.
    ///
    /// # Errors
    /// When the socket refuses.
    pub fn limit(&mut self, limit: Duration) -> Result<(), Failure> {
        self.stream
            .get_mut()
            .set_read_timeout(Some(limit))
            .map_err(Failure::io("set a time-out"))
    }

    /// The contents of the local file that a server asks for from now on.
    pub fn offer_file(&mut self, contents: &[u8]) {
        self.file = contents.to_vec();
    }

    /// Sends a command and reads its whole answer; none comes to CLOSE, QUIT and long data.
    ///
    /// # Errors
    /// When the connection ends, or the answer is none.
    pub fn run(&mut self, command: &[u8], password: &str) -> Result<Reply, Failure> {
        self.send(0, command)?;
        self.answer(command, password)
    }

    /// Runs `COM_CHANGE_USER`.
    ///
    /// # Errors
    /// When the connection ends, or the answer is none.
    pub fn change_user(&mut self, login: Login<'_>) -> Result<Reply, Failure> {
        let proof = mysql::scramble(login.password, &self.salt);
        let mut command = vec![COM_CHANGE_USER];
        command.extend(login.user.as_bytes());
        command.push(0);
        command.push(u8::try_from(proof.len()).unwrap_or(0));
        command.extend(proof);
        command.extend(login.database.as_bytes());
        command.push(0);
        command.extend(u16::from(UTF8MB4_GENERAL_CI).to_le_bytes());
        command.extend(b"mysql_native_password\0");
        self.run(&command, login.password)
    }

    /// Sends commands in one write and reads their answers afterwards.
    ///
    /// # Errors
    /// When the connection ends, or an answer is none.
    pub fn pipeline(&mut self, commands: &[Vec<u8>]) -> Result<Vec<Reply>, Failure> {
        let mut bytes = Vec::new();
        for command in commands {
            put(&mut bytes, 0, command);
        }
        self.write(&bytes)?;
        let answers = commands.iter().map(|command| self.answer(command, ""));
        answers.collect()
    }

    /// Sends commands in one write and a query for `fence` behind them, and gives the payloads of all packets
    /// before those of the query, and whether the connection has ended instead: for commands whose answers
    /// nobody can tell apart.
    ///
    /// # Errors
    /// When nothing comes in time.
    pub fn fenced(
        &mut self,
        commands: &[Vec<u8>],
        fence: &str,
    ) -> Result<(Vec<Vec<u8>>, bool), Failure> {
        let mut bytes = Vec::new();
        let query = format!("SELECT '{fence}' AS fence");
        let query = [&[COM_QUERY], query.as_bytes()].concat();
        for command in commands.iter().chain([&query]) {
            put(&mut bytes, 0, command);
        }
        // A server that closes the connection at the first command does not take the second.
        let sent = self.write(&bytes);
        let mut packets = Vec::new();
        let row = [&[u8::try_from(fence.len()).unwrap_or(0)], fence.as_bytes()].concat();
        loop {
            match self.packet(&mut Vec::new()) {
                Ok((_, packet)) if packet == row => {
                    self.packet(&mut Vec::new())?;
                    // Its head, its column and their end.
                    packets.truncate(packets.len().saturating_sub(3));
                    return Ok((packets, false));
                }
                Ok((_, packet)) => packets.push(packet),
                Err(Failure::Io { source, .. }) if is_end(&source) || sent.is_err() => {
                    return Ok((packets, true));
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Runs a statement and hands each row of its only result over as it comes.
    ///
    /// # Errors
    /// [`Failure::Server`] for an error packet; I/O failures otherwise.
    pub fn each_row(&mut self, command: &[u8], mut row: impl FnMut(&[u8])) -> Result<(), Failure> {
        self.send(0, command)?;
        let mut parts = 0;
        while parts < 2 {
            let (_, packet) = self.packet(&mut Vec::new())?;
            mysql::Connection::check(&packet)?;
            if packet.first() == Some(&0xFE) && packet.len() < 9 {
                parts += 1;
            } else if parts == 1 {
                row(&packet);
            }
        }
        Ok(())
    }

    /// Reads the answer to a command that has been sent.
    ///
    /// # Errors
    /// When the connection ends, or the answer is none.
    pub fn answer(&mut self, command: &[u8], password: &str) -> Result<Reply, Failure> {
        let mut reply = Reply::default();
        let mut expect = match command.first() {
            None | Some(&(COM_QUIT | COM_STMT_CLOSE | COM_STMT_SEND_LONG_DATA)) => Expect::End,
            Some(&(COM_FIELD_LIST | COM_STMT_FETCH)) => Expect::Rows,
            _ => Expect::Result,
        };
        while expect != Expect::End {
            let start = reply.bytes.len();
            let (sequence, packet) = self.packet(&mut reply.bytes)?;
            expect = match (expect, packet.as_slice()) {
                (_, [0xFF, low, high, ..]) if command != [COM_STATISTICS] => {
                    reply.error = Some(u16::from_le_bytes([*low, *high]));
                    Expect::End
                }
                (Expect::Result, _) if command == [COM_STATISTICS] => Expect::End,
                (Expect::Result, [0, a, b, c, d, counts @ ..])
                    if command.first() == Some(&COM_STMT_PREPARE) =>
                {
                    reply.statement = Some(u32::from_le_bytes([*a, *b, *c, *d]));
                    if let Some(id) = reply.bytes.get_mut(start + 5..start + 9) {
                        id.fill(0);
                    }
                    let groups = counts.chunks(2).take(2).filter(|count| *count != [0, 0]);
                    definitions(groups.count())
                }
                (Expect::Result, [0, ..]) => more_results(status_of_ok(&packet)),
                (Expect::Result, [0xFB, ..]) => {
                    self.upload(sequence)?;
                    Expect::Result
                }
                (Expect::Result, [0xFE, ..]) if command.first() == Some(&COM_CHANGE_USER) => {
                    reply.bytes.truncate(start);
                    self.answer_switch(sequence, password)?;
                    Expect::Result
                }
                (Expect::Result, [0xFE, ..]) => Expect::End,
                (Expect::Result, _) => Expect::Columns,
                (Expect::Columns, [0xFE, _, _, status, ..]) if packet.len() < 9 => {
                    if status & CURSOR_EXISTS == 0 {
                        Expect::Rows
                    } else {
                        Expect::End
                    }
                }
                (Expect::Rows, [0xFE, _, _, low, high]) => {
                    more_results(u16::from_le_bytes([*low, *high]))
                }
                (Expect::Definitions(left), [0xFE, ..]) if packet.len() < 9 => {
                    definitions(usize::from(left) - 1)
                }
                (other, _) => other,
            };
        }
        Ok(reply)
    }

    /// Sends a command and reads nothing.
    ///
    /// # Errors
    /// When the connection has ended.
    pub fn send_only(&mut self, command: &[u8]) -> Result<(), Failure> {
        self.send(0, command)
    }

    /// Waits until an answer begins.
    ///
    /// # Errors
    /// When the connection ends instead.
    pub fn wait_for_a_byte(&mut self) -> Result<(), Failure> {
        self.take(1).map(drop)
    }

    /// Proves itself over the greeting's salt, whatever the server says now: libmariadb does so.
    fn answer_switch(&mut self, sequence: u8, password: &str) -> Result<(), Failure> {
        let proof = mysql::scramble(password, &self.salt);
        self.send(sequence.wrapping_add(1), &proof)
    }

    /// Sends the local file in packets of few bytes, then the empty one.
    fn upload(&mut self, sequence: u8) -> Result<(), Failure> {
        let mut bytes = Vec::new();
        let mut sequence = sequence.wrapping_add(1);
        for chunk in self.file.chunks(700) {
            sequence = put(&mut bytes, sequence, chunk);
        }
        put(&mut bytes, sequence, b"");
        self.write(&bytes)
    }

    fn send(&mut self, sequence: u8, payload: &[u8]) -> Result<(), Failure> {
        let mut bytes = Vec::with_capacity(payload.len() + 4);
        put(&mut bytes, sequence, payload);
        self.write(&bytes)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.stream
            .get_mut()
            .write_all(bytes)
            .map_err(Failure::io("send a command"))
    }

    /// Reads a packet, appends its frames to `bytes` and gives its last sequence number and payload.
    fn packet(&mut self, bytes: &mut Vec<u8>) -> Result<(u8, Vec<u8>), Failure> {
        let mut payload = Vec::new();
        loop {
            let head = self.take(4)?;
            let &[a, b, c, sequence] = head.as_slice() else {
                return Err(Failure::answer("a header", format!("{head:02x?}")));
            };
            let length = u32::from_le_bytes([a, b, c, 0]) as usize;
            let body = self.take(length)?;
            bytes.extend(&head);
            bytes.extend(&body);
            payload.extend(body);
            if length < FRAME_MAX {
                return Ok((sequence, payload));
            }
        }
    }

    fn take(&mut self, count: usize) -> Result<Vec<u8>, Failure> {
        let mut bytes = vec![0; count];
        self.stream
            .read_exact(&mut bytes)
            .map_err(Failure::io("read an answer"))?;
        Ok(bytes)
    }
}

/// Whether the peer has ended the connection, and is not just slow.
fn is_end(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    [
        BrokenPipe,
        ConnectionAborted,
        ConnectionReset,
        UnexpectedEof,
    ]
    .contains(&error.kind())
}

/// Appends a packet, in frames of at most 16 MB, and gives the next sequence number.
pub fn put(bytes: &mut Vec<u8>, mut sequence: u8, payload: &[u8]) -> u8 {
    let mut rest = payload;
    loop {
        let (frame, next) = rest.split_at(rest.len().min(FRAME_MAX));
        let length = u32::try_from(frame.len()).unwrap_or(0).to_le_bytes();
        bytes.extend(length.iter().take(3));
        bytes.push(sequence);
        bytes.extend(frame);
        sequence = sequence.wrapping_add(1);
        if frame.len() < FRAME_MAX {
            return sequence;
        }
        rest = next;
    }
}

fn definitions(groups: usize) -> Expect {
    match u8::try_from(groups) {
        Ok(0) | Err(_) => Expect::End,
        Ok(groups) => Expect::Definitions(groups),
    }
}

fn more_results(status: u16) -> Expect {
    if status & MORE_RESULTS == 0 {
        Expect::End
    } else {
        Expect::Result
    }
}

/// The status behind the two length-encoded numbers of an OK packet.
fn status_of_ok(packet: &[u8]) -> u16 {
    let mut at = 1;
    for _ in 0..2 {
        at += match packet.get(at) {
            Some(0xFC) => 3,
            Some(0xFD) => 4,
            Some(0xFE) => 9,
            _ => 1,
        };
    }
    match packet.get(at..at + 2) {
        Some(&[low, high]) => u16::from_le_bytes([low, high]),
        _ => 0,
    }
}

/// `COM_QUIT`.
pub const COM_QUIT: u8 = 0x01;
/// `COM_INIT_DB`.
pub const COM_INIT_DB: u8 = 0x02;
/// `COM_QUERY`.
pub const COM_QUERY: u8 = 0x03;
/// `COM_FIELD_LIST`.
pub const COM_FIELD_LIST: u8 = 0x04;
/// `COM_STATISTICS`.
pub const COM_STATISTICS: u8 = 0x09;
/// `COM_PING`.
pub const COM_PING: u8 = 0x0E;
/// `COM_CHANGE_USER`.
pub const COM_CHANGE_USER: u8 = 0x11;
/// `COM_STMT_PREPARE`.
pub const COM_STMT_PREPARE: u8 = 0x16;
/// `COM_STMT_EXECUTE`.
pub const COM_STMT_EXECUTE: u8 = 0x17;
/// `COM_STMT_SEND_LONG_DATA`.
pub const COM_STMT_SEND_LONG_DATA: u8 = 0x18;
/// `COM_STMT_CLOSE`.
pub const COM_STMT_CLOSE: u8 = 0x19;
/// `COM_STMT_RESET`.
pub const COM_STMT_RESET: u8 = 0x1A;
/// `COM_SET_OPTION`.
pub const COM_SET_OPTION: u8 = 0x1B;
/// `COM_STMT_FETCH`.
pub const COM_STMT_FETCH: u8 = 0x1C;
/// `COM_RESET_CONNECTION`.
pub const COM_RESET_CONNECTION: u8 = 0x1F;

const FRAME_MAX: usize = 0xFF_FFFF;
const MORE_RESULTS: u16 = 0x08;
const CURSOR_EXISTS: u8 = 0x40;
const UTF8MB4_GENERAL_CI: u8 = 45;
const PATIENCE: Duration = Duration::from_secs(20);
/// `LONG_PASSWORD`, `CONNECT_WITH_DB`, `LOCAL_FILES`, `PROTOCOL_41`, `TRANSACTIONS`, `SECURE_CONNECTION`,
/// `MULTI_STATEMENTS`, `MULTI_RESULTS`, `PS_MULTI_RESULTS`, `PLUGIN_AUTH`.
const CAPABILITIES: u32 =
    0x1 | 0x8 | 0x80 | 0x200 | 0x2000 | 0x8000 | 0x1_0000 | 0x2_0000 | 0x4_0000 | 0x8_0000;
