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
    /// After so many bytes it drops dead.
    pub(super) dies_after: Option<usize>,
    /// Whether it obeys `lost`, `half` and `refused` in a statement.
    is_sick: bool,
}

struct Known {
    text: String,
    has_types: bool,
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
            Command::Prepare(text) => {
                self.last_prepared += 1;
                let statement = self.last_prepared;
                let text = String::from_utf8_lossy(text).into_owned();
                self.prepared.insert(
                    statement,
                    Known {
                        text,
                        has_types: false,
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
            Command::Execute(id) => {
                let known = self.prepared.get_mut(&id);
                let known = known.unwrap_or_else(|| panic!("statement {id} is not known here"));
                known.has_types |= payload[11] == 1;
                assert!(
                    known.has_types,
                    "types come with the first EXECUTE on each server"
                );
                let text = known.text.clone();
                self.rows(&text, out);
            }
            Command::Other(CommandKind::Quit) | Command::Close(_) => {}
            other => panic!("unexpected {other:?}"),
        }
    }

    fn choose(&mut self, name: &str, out: &mut BytesMut) {
        name.clone_into(&mut self.database);
        self.ok(out, &[SessionChange::Schema(name.as_bytes())]);
    }

    fn query(&mut self, text: &str, out: &mut BytesMut) {
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
        let count: usize = text.split_whitespace().nth(1).unwrap().parse().unwrap_or(0);
        for number in 0..count {
            let row = format!("row {number} of {} with @x={x}", self.database);
            self.row(&row, out);
        }
        self.eof(out);
        self.ok(out, &[]);
    }

    fn row(&mut self, text: &str, out: &mut BytesMut) {
        let mut packet = BytesMut::new();
        put_text_row(&mut packet, [Some(text.as_bytes())]);
        self.packet(out, &packet);
    }

    fn status(&self) -> StatusFlags {
        let mut status = StatusFlags::SERVER_STATUS_AUTOCOMMIT;
        status.set(StatusFlags::SERVER_STATUS_IN_TRANS, self.in_transaction);
        status
    }

    fn eof(&mut self, out: &mut BytesMut) {
        let mut packet = BytesMut::new();
        put_eof(&mut packet, self.status(), 0);
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
