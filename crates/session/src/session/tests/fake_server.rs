//! An `OBServer` of a few sentences, in proxy mode, over a pipe.

use bytes::{Buf, BytesMut};
use odp_protocol::stream::{Buffers, Stream, Transport};
use odp_protocol::{
    Column, ColumnType, Command, CommandKind, ErrPacket, OkFormat, OkPacket, PrepareOk,
    SessionChange, StatusFlags, put_eof, put_text_row,
};
use std::collections::HashMap;
use tokio::io::DuplexStream;

/// Its session.
#[derive(Default)]
pub(super) struct FakeServer {
    database: String,
    x: Option<String>,
    in_transaction: bool,
    prepared: HashMap<u32, Known>,
    last_prepared: u32,
    sequence: u8,
    /// Another result follows.
    more_results: bool,
    /// After so many bytes it drops dead.
    pub(super) dies_after: Option<usize>,
    /// Whether it obeys `lost`, `half` and `refused` in a statement.
    is_sick: bool,
}

struct Known {
    text: String,
    has_types: bool,
    /// What was sent ahead of an EXECUTE.
    ahead: Vec<u8>,
    /// Rows that a cursor still has.
    cursor: Option<usize>,
}

impl FakeServer {
    /// One that ends at `lost`, ends in the middle of the answer at `half`, and answers `refused` with
    /// the code behind it.
    pub(super) fn sick() -> Self {
        Self {
            is_sick: true,
            ..Self::default()
        }
    }

    pub(super) async fn serve(mut self, pipe: DuplexStream, first_statement: u32) {
        let mut stream = Stream::new(Transport::Duplex(pipe), Buffers::default());
        // Ids differ between servers, so that a mix-up is seen.
        self.last_prepared = first_statement;
        while let Ok((_, payload)) = stream.read_packet(1 << 20).await {
            self.sequence = 1;
            let mut out = BytesMut::new();
            let text = String::from_utf8_lossy(&payload).into_owned();
            let word = |word| self.is_sick && text.contains(word);
            if word("lost") {
                return;
            }
            let half = word("half");
            match text.split_once("refused ").filter(|_| self.is_sick) {
                Some((_, code)) => self.refuse(code.parse().unwrap(), "no", &mut out),
                None if text.contains("load") => {
                    if !self.load(&mut stream, &mut out).await {
                        return;
                    }
                }
                None => self.run(&payload, &mut out),
            }
            if half {
                out.truncate(out.len() / 2);
                stream.outbound().extend_from_slice(&out);
                stream.flush().await.unwrap();
                return;
            }
            while out.has_remaining() {
                let left = self.dies_after.unwrap_or(usize::MAX);
                let now = out.split_to(out.len().min(97).min(left));
                self.dies_after = self.dies_after.map(|left| left - now.len());
                stream.outbound().extend_from_slice(&now);
                if stream.flush().await.is_err() || self.dies_after == Some(0) {
                    return;
                }
                tokio::task::yield_now().await;
            }
        }
    }

    fn packet(&mut self, out: &mut BytesMut, payload: &[u8]) {
        self.sequence = odp_protocol::put_packet(out, self.sequence, payload);
    }

    fn run(&mut self, payload: &[u8], out: &mut BytesMut) {
        match Command::parse(payload).unwrap() {
            Command::Query(text) => self.query(&String::from_utf8_lossy(text), out),
            Command::InitDb(name) => self.choose(&String::from_utf8_lossy(name), out),
            Command::Prepare(text) => self.prepare(text, out),
            Command::Execute(id) => self.execute(id, payload, out),
            Command::Fetch(id) => self.fetch(id, &payload[5..], out),
            Command::SendLongData(id) => {
                let known = self
                    .prepared
                    .get_mut(&id)
                    .expect("long data of a statement");
                known.ahead.extend_from_slice(&payload[7..]);
            }
            Command::Reset(id) => {
                let known = self.prepared.get_mut(&id).expect("RESET of a statement");
                (known.cursor, known.ahead) = (None, Vec::new());
                self.ok(out, &[]);
            }
            Command::Close(id) => {
                self.prepared.remove(&id);
            }
            Command::Other(CommandKind::Quit) => {}
            Command::Other(CommandKind::FieldList) => {
                self.columns(out);
                self.ok(out, &[]);
            }
            Command::Other(CommandKind::Statistics) => {
                self.packet(out, b"statistics");
            }
            other => panic!("unexpected {other:?}"),
        }
    }

    fn prepare(&mut self, text: &[u8], out: &mut BytesMut) {
        self.last_prepared += 1;
        let statement = self.last_prepared;
        let text = String::from_utf8_lossy(text).into_owned();
        self.prepared.insert(
            statement,
            Known {
                text,
                has_types: false,
                ahead: Vec::new(),
                cursor: None,
            },
        );
        let mut packet = BytesMut::new();
        PrepareOk {
            statement,
            columns: 1,
            parameters: 1,
            warnings: 0,
        }
        .put(&mut packet);
        self.packet(out, &packet);
        self.columns(out);
        self.columns(out);
        self.ok(out, &[]);
    }

    fn execute(&mut self, id: u32, payload: &[u8], out: &mut BytesMut) {
        let known = self.prepared.get_mut(&id);
        let known = known.unwrap_or_else(|| panic!("statement {id} is not known here"));
        known.has_types |= payload[11] == 1;
        assert!(
            known.has_types,
            "types come with the first EXECUTE on each server"
        );
        let mut text = known.text.clone();
        let ahead = std::mem::take(&mut known.ahead);
        if !ahead.is_empty() {
            text = format!("select 2 ahead {}", String::from_utf8_lossy(&ahead));
        }
        known.cursor = (payload[5] == 1).then(|| rows_of(&text));
        match known.cursor {
            Some(_) => self.open_cursor(out),
            None => self.rows(&text, out),
        }
    }

    /// Asks the client for a file and answers with what was in it; false when the client has gone.
    async fn load(&mut self, stream: &mut Stream, out: &mut BytesMut) -> bool {
        let mut request = BytesMut::new();
        self.packet(&mut request, b"\xFBfile");
        stream.outbound().extend_from_slice(&request);
        stream.flush().await.unwrap();
        let mut file = Vec::new();
        loop {
            let Ok((sequence, content)) = stream.read_packet(1 << 20).await else {
                return false;
            };
            self.sequence = sequence.wrapping_add(1);
            if content.is_empty() {
                break;
            }
            file.extend_from_slice(&content);
        }
        let text = format!("{} bytes: {}", file.len(), String::from_utf8_lossy(&file));
        let mut packet = BytesMut::new();
        let ok = OkPacket {
            info: text.as_bytes(),
            status: self.status(),
            ..OkPacket::default()
        };
        ok.put(&mut packet, OkFormat::Tracked);
        self.packet(out, &packet);
        true
    }

    fn open_cursor(&mut self, out: &mut BytesMut) {
        self.packet(out, &[1]);
        let mut packet = BytesMut::new();
        Column::new("c", ColumnType::MYSQL_TYPE_VAR_STRING, 45, 100).put(&mut packet);
        self.packet(out, &packet);
        self.eof_with(StatusFlags::SERVER_STATUS_CURSOR_EXISTS, out);
        self.ok(out, &[]);
    }

    fn fetch(&mut self, id: u32, count: &[u8], out: &mut BytesMut) {
        let known = self.prepared.get_mut(&id);
        let left = known.and_then(|known| known.cursor.as_mut());
        let left = left.expect("the cursor is on this server");
        let wanted = u32::from_le_bytes(count.try_into().unwrap()) as usize;
        let now = wanted.min(*left);
        *left -= now;
        let rest = *left;
        for number in 0..now {
            self.row(&format!("fetched {number}, {rest} left"), out);
        }
        self.eof_with(
            if rest == 0 {
                StatusFlags::SERVER_STATUS_LAST_ROW_SENT
            } else {
                StatusFlags::SERVER_STATUS_CURSOR_EXISTS
            },
            out,
        );
        self.ok(out, &[]);
    }

    fn choose(&mut self, name: &str, out: &mut BytesMut) {
        name.clone_into(&mut self.database);
        self.ok(out, &[SessionChange::Schema(name.as_bytes())]);
    }

    fn query(&mut self, text: &str, out: &mut BytesMut) {
        let statements: Vec<&str> = text.split(';').map(str::trim).collect();
        for (number, statement) in statements.iter().enumerate() {
            self.more_results = number + 1 < statements.len();
            self.statement(statement, out);
        }
    }

    fn statement(&mut self, text: &str, out: &mut BytesMut) {
        match text.split_whitespace().next().unwrap() {
            "use" => self.choose(text.trim_start_matches("use "), out),
            "SET" if text.contains("@@ob_odd") => {
                self.refuse(1238, "Variable 'ob_odd' is a read only variable", out);
            }
            "set" | "SET" => {
                let value = text.rsplit(' ').next().unwrap().to_owned();
                self.x = Some(value.clone());
                let odd = SessionChange::System {
                    name: b"ob_odd",
                    value: b"1",
                };
                let x = SessionChange::User {
                    name: b"x",
                    value: value.as_bytes(),
                };
                self.ok(out, &[odd, x]);
            }
            "begin" => {
                self.in_transaction = true;
                self.ok(out, &[]);
            }
            "commit" => {
                assert!(self.in_transaction, "the transaction is on this server");
                self.in_transaction = false;
                self.ok(out, &[]);
            }
            "insert" => self.ok(out, &[]),
            "select" => self.rows(text, out),
            _ => self.refuse(1064, "no such sentence", out),
        }
    }

    fn refuse(&mut self, code: u16, text: &str, out: &mut BytesMut) {
        let mut packet = BytesMut::new();
        ErrPacket::new(code, b"HY000", text).put(&mut packet);
        self.packet(out, &packet);
        self.ok(out, &[]);
    }

    fn columns(&mut self, out: &mut BytesMut) {
        let mut packet = BytesMut::new();
        Column::new("c", ColumnType::MYSQL_TYPE_VAR_STRING, 45, 100).put(&mut packet);
        self.packet(out, &packet);
        self.eof(out);
    }

    fn rows(&mut self, text: &str, out: &mut BytesMut) {
        self.packet(out, &[1]);
        self.columns(out);
        let x = self.x.clone().unwrap_or_else(|| "none".to_owned());
        if text.contains("database_and_variables") {
            let row = format!("db={} @x={x}", self.database);
            self.row(&row, out);
        }
        for number in 0..rows_of(text) {
            let row = format!("row {number} of {} with @x={x}", self.database);
            self.row(&row, out);
        }
        self.eof(out);
        // One extra OK, behind the last result.
        if !self.more_results {
            self.ok(out, &[]);
        }
    }

    fn row(&mut self, text: &str, out: &mut BytesMut) {
        let mut packet = BytesMut::new();
        put_text_row(&mut packet, [Some(text.as_bytes())]);
        self.packet(out, &packet);
    }

    fn status(&self) -> StatusFlags {
        let mut status = StatusFlags::SERVER_STATUS_AUTOCOMMIT;
        status.set(StatusFlags::SERVER_STATUS_IN_TRANS, self.in_transaction);
        status.set(StatusFlags::SERVER_MORE_RESULTS_EXISTS, self.more_results);
        status
    }

    fn eof(&mut self, out: &mut BytesMut) {
        self.eof_with(StatusFlags::empty(), out);
    }

    fn eof_with(&mut self, flags: StatusFlags, out: &mut BytesMut) {
        let mut packet = BytesMut::new();
        put_eof(&mut packet, self.status() | flags, 0);
        self.packet(out, &packet);
    }

    fn ok(&mut self, out: &mut BytesMut, changes: &[SessionChange<'_>]) {
        let mut block = BytesMut::new();
        if !changes.is_empty() {
            SessionChange::put_for_proxy(changes, &mut block);
        }
        let mut packet = BytesMut::new();
        let ok = OkPacket {
            status: self.status(),
            changes: &block,
            ..OkPacket::default()
        };
        ok.put(&mut packet, OkFormat::Tracked);
        self.packet(out, &packet);
    }
}

/// How many rows a query has: its second word.
fn rows_of(text: &str) -> usize {
    let count = text.split_whitespace().nth(1).unwrap();
    count.parse().unwrap_or(0)
}
