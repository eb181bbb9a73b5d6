//! Which canned answer a command gets.

use super::login::Mode;
use super::metadata::Layout;
use super::rows::Writer;
use bytes::Bytes;
use odp_protocol::{Command, CommandKind, StatusFlags};
use std::cell::OnceCell;
use std::net::SocketAddr;

/// Every answer that is made beforehand.
#[derive(Debug)]
pub(super) struct Answers {
    layout: Layout,
    sets: [Set; 4],
}

/// One connection's state.
#[derive(Debug)]
pub(super) struct State {
    mode: Mode,
    in_transaction: bool,
    statements: u32,
}

/// The answers for one mode, inside or outside a transaction.
#[derive(Debug)]
struct Set {
    mode: Mode,
    status: StatusFlags,
    ok: Bytes,
    point: Bytes,
    point_binary: Bytes,
    range: Bytes,
    wide: Bytes,
    huge: OnceCell<Bytes>,
}

/// Rows of a range select, as sysbench asks for.
const RANGE: usize = 100;
/// Bytes of a row of the table `wide`.
const WIDE: usize = 10 << 10;
/// Rows of the answer from the table `huge`, and the bytes of each: 50 MB.
const HUGE: (usize, usize) = (50, 1 << 20);
/// The bytes of column `c` of sysbench's table.
const C: [u8; 120] = [b'x'; 120];

impl State {
    pub(super) fn new(mode: Mode) -> Self {
        Self {
            mode,
            in_transaction: false,
            statements: 0,
        }
    }

    fn status(&self) -> StatusFlags {
        status(self.in_transaction)
    }
}

fn status(in_transaction: bool) -> StatusFlags {
    let mut status = StatusFlags::SERVER_STATUS_AUTOCOMMIT;
    status.set(StatusFlags::SERVER_STATUS_IN_TRANS, in_transaction);
    status
}

impl Set {
    fn new(mode: Mode, status: StatusFlags) -> Self {
        let writer = || Writer::new(mode, status);
        let rows = |count, bytes: &[u8]| {
            let row = |_| [Some(bytes)];
            writer().rows(&["c"], (0..count).map(row)).freeze()
        };
        Self {
            mode,
            status,
            ok: writer().ok().freeze(),
            point: rows(1, &C),
            point_binary: writer().binary_row("c", &C).freeze(),
            range: rows(RANGE, &C),
            wide: rows(1, &[b'w'; WIDE]),
            huge: OnceCell::new(),
        }
    }

    fn huge(&self) -> Bytes {
        let make = || {
            let row = vec![b'h'; HUGE.1];
            let rows = (0..HUGE.0).map(|_| [Some(&row[..])]);
            let writer = Writer::new(self.mode, self.status);
            writer.rows(&["c"], rows).freeze()
        };
        self.huge.get_or_init(make).clone()
    }
}

impl Answers {
    pub(super) fn new(servers: &[SocketAddr]) -> Self {
        let set = |mode, in_transaction| Set::new(mode, status(in_transaction));
        Self {
            layout: Layout::new(servers),
            sets: [
                set(Mode::Direct, false),
                set(Mode::Direct, true),
                set(Mode::Proxy, false),
                set(Mode::Proxy, true),
            ],
        }
    }

    /// The answer; `None` ends the session.
    pub(super) fn to(&self, command: Command<'_>, state: &mut State) -> Option<Bytes> {
        match command {
            Command::Other(CommandKind::Quit) => None,
            Command::Query(text) => Some(self.query(text, state)),
            Command::Prepare(_) => {
                state.statements += 1;
                let writer = Writer::new(state.mode, state.status());
                Some(writer.prepared(state.statements).freeze())
            }
            Command::Execute(_) => Some(self.set(state)?.point_binary.clone()),
            Command::Close(_) => Some(Bytes::new()),
            _ => Some(self.set(state)?.ok.clone()),
        }
    }

    fn set(&self, state: &State) -> Option<&Set> {
        let status = state.status();
        let fits = |set: &&Set| set.mode == state.mode && set.status == status;
        self.sets.iter().find(fits)
    }

    fn query(&self, text: &[u8], state: &mut State) -> Bytes {
        match text.get(..5).unwrap_or(text) {
            b"BEGIN" => state.in_transaction = true,
            b"COMMI" | b"ROLLB" => state.in_transaction = false,
            _ => {}
        }
        let Some(set) = self.set(state) else {
            return Bytes::new();
        };
        let is = |start: &[u8]| text.starts_with(start);
        if is(b"SELECT c FROM sbtest1 WHERE id=") {
            set.point.clone()
        } else if is(b"SELECT c FROM sbtest1") || is(b"SELECT DISTINCT c FROM sbtest1") {
            set.range.clone()
        } else if is(b"SELECT SUM(") {
            set.point.clone()
        } else if is(b"SELECT c FROM wide") {
            set.wide.clone()
        } else if is(b"SELECT c FROM huge") {
            set.huge()
        } else if is(b"SELECT /*") {
            self.metadata(text, state)
        } else {
            set.ok.clone()
        }
    }

    fn metadata(&self, text: &[u8], state: &State) -> Bytes {
        let table = self.layout.answer(&String::from_utf8_lossy(text));
        let rows = table.rows.iter();
        let rows = rows.map(|row| row.iter().map(|value| value.as_deref().map(str::as_bytes)));
        let writer = Writer::new(state.mode, state.status());
        writer.rows(&table.columns, rows).freeze()
    }
}
