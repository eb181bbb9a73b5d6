//! Responses as an `OBServer` sends them, at every split.

use super::*;
use crate::{Column, ColumnType, OkFormat, OkPacket, put_eof, put_packet};
use bytes::BytesMut;
use proptest::prelude::*;

const PROXY: Framing = Framing {
    extra_ok: true,
    extra_ok_for_statistics: true,
    deprecate_eof: false,
};
const DIRECT: Framing = Framing {
    extra_ok: false,
    extra_ok_for_statistics: false,
    deprecate_eof: false,
};

/// Builds a response packet by packet, with running sequence numbers.
#[derive(Default)]
struct Wire {
    bytes: BytesMut,
    sequence: u8,
}

impl Wire {
    fn packet(mut self, payload: &[u8]) -> Self {
        self.sequence = put_packet(&mut self.bytes, self.sequence + 1, payload) - 1;
        self
    }

    fn ok(self, status: StatusFlags) -> Self {
        let mut out = BytesMut::new();
        OkPacket {
            status,
            ..OkPacket::default()
        }
        .put(&mut out, OkFormat::Tracked);
        self.packet(&out)
    }

    fn eof(self, status: StatusFlags) -> Self {
        let mut out = BytesMut::new();
        put_eof(&mut out, status, 0);
        self.packet(&out)
    }

    fn columns(mut self, count: usize) -> Self {
        for _ in 0..count {
            let mut out = BytesMut::new();
            Column::new("c", ColumnType::MYSQL_TYPE_LONG, 63, 11).put(&mut out);
            self = self.packet(&out);
        }
        self
    }

    fn err(self) -> Self {
        self.packet(b"\xFF\x7a\x04#42S02no table")
    }
}

fn none() -> StatusFlags {
    StatusFlags::empty()
}

fn result(wire: Wire, rows: usize, status: StatusFlags) -> Wire {
    let mut wire = wire.packet(&[2]).columns(2).eof(none());
    for row in 0..rows {
        wire = wire.packet(format!("\x01{}\u{1}b", row % 10).as_bytes());
    }
    wire.eof(status)
}

/// Feeds the bytes in pieces and returns what was passed, the controls seen and what was left.
fn run(
    command: CommandKind,
    framing: Framing,
    bytes: &[u8],
    splits: &[usize],
) -> Result<(Vec<u8>, Vec<Control>, usize), ProtocolError> {
    let mut tracker = ResponseTracker::new(command, framing);
    let (mut passed, mut controls) = (Vec::new(), Vec::new());
    let (mut at, mut end, mut splits) = (0, 0, splits.iter().copied().chain([bytes.len()]));
    loop {
        match tracker.next(&bytes[at..end])? {
            Step::Forward(count) => {
                assert!(count > 0);
                passed.extend(&bytes[at..at + count]);
                at += count;
            }
            Step::Packet(control, count) => {
                controls.push(control);
                at += count;
            }
            Step::More(needed) => match splits.find(|&split| split > end) {
                Some(split) => end = split.min(bytes.len()),
                None => panic!("needs {needed} bytes of {} behind the end", end - at),
            },
            Step::Done => return Ok((passed, controls, bytes.len() - at)),
        }
        // A record of the tracker goes on where it was written.
        let record = serde_json::to_string(&tracker).unwrap();
        tracker = serde_json::from_str(&record).unwrap();
    }
}

#[test]
fn the_front_of_each_row_comes_by_itself_at_any_split() {
    let long = [&[0xFC, 0x2C, 1][..], &[b'x'; 300]].concat();
    let wire = Wire::default().packet(&[2]).columns(2).eof(none());
    let wire = wire
        .packet(b"\x0277\x01b")
        .packet(&long)
        .packet(b"\xFB\x01b");
    let wire = wire.packet(b"\x031000").eof(none()).ok(none());
    for split in 0..wire.bytes.len() {
        let mut tracker = ResponseTracker::new(CommandKind::Query, PROXY).stopping_at_rows();
        let (mut at, mut end, mut heads, mut passed) = (0, split, Vec::new(), 0);
        loop {
            match tracker.next(&wire.bytes[at..end]).unwrap() {
                Step::Forward(count) => (at, passed) = (at + count, passed + count),
                Step::Packet(control, count) => {
                    if control == Control::RowHead {
                        heads.push(wire.bytes[at + HEADER_LEN..at + count].to_vec());
                    }
                    at += count;
                }
                Step::More(_) => end = wire.bytes.len(),
                Step::Done => break,
            }
        }
        assert_eq!(heads, [b"\x0277".to_vec(), b"\x03100".to_vec()], "{split}");
        assert!(passed > long.len(), "{split}");
    }
}

#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn cases() -> Vec<(&'static str, CommandKind, Framing, BytesMut, Vec<Control>)> {
    use CommandKind as C;
    use Control::{Err, ExtraOk, LocalInfile, Ok, PrepareOk};
    let more = StatusFlags::SERVER_MORE_RESULTS_EXISTS;
    let cursor = StatusFlags::SERVER_STATUS_CURSOR_EXISTS;
    let wire = Wire::default;
    let prepared = |columns: u8, parameters: u8| {
        let head = [0, 1, 0, 0, 0, columns, 0, parameters, 0, 0, 0, 0];
        let mut wire = wire().packet(&head);
        if parameters > 0 {
            wire = wire.columns(parameters.into()).eof(none());
        }
        if columns > 0 {
            wire = wire.columns(columns.into()).eof(none());
        }
        wire
    };
    vec![
        ("ok", C::Query, PROXY, wire().ok(none()).bytes, vec![Ok]),
        (
            "error",
            C::Query,
            PROXY,
            wire().err().ok(none()).bytes,
            vec![Err, ExtraOk],
        ),
        (
            "error, direct",
            C::Query,
            DIRECT,
            wire().err().bytes,
            vec![Err],
        ),
        (
            "rows",
            C::Query,
            PROXY,
            result(wire(), 50, none()).ok(none()).bytes,
            vec![ExtraOk],
        ),
        (
            "rows, direct",
            C::StmtExecute,
            DIRECT,
            result(wire(), 50, none()).bytes,
            vec![],
        ),
        (
            "error behind rows",
            C::Query,
            PROXY,
            wire()
                .packet(&[1])
                .columns(1)
                .eof(none())
                .packet(b"\x01a")
                .err()
                .ok(none())
                .bytes,
            vec![Err, ExtraOk],
        ),
        (
            "two results and an ok",
            C::Query,
            PROXY,
            result(result(wire(), 3, more), 0, more).ok(none()).bytes,
            vec![Ok],
        ),
        (
            "an ok and a result",
            C::Query,
            PROXY,
            result(wire().ok(more), 3, none()).ok(none()).bytes,
            vec![Ok, ExtraOk],
        ),
        (
            "a binary log",
            C::BinlogDump,
            DIRECT,
            wire()
                .packet(b"\0an event")
                .packet(b"\0another event")
                .eof(none())
                .bytes,
            vec![],
        ),
        (
            "prepare",
            C::StmtPrepare,
            PROXY,
            prepared(2, 3).ok(none()).bytes,
            vec![PrepareOk, ExtraOk],
        ),
        (
            "prepare, direct",
            C::StmtPrepare,
            DIRECT,
            prepared(2, 3).bytes,
            vec![PrepareOk],
        ),
        (
            "prepare, no columns",
            C::StmtPrepare,
            DIRECT,
            prepared(0, 1).bytes,
            vec![PrepareOk],
        ),
        (
            "prepare, no parameters",
            C::StmtPrepare,
            DIRECT,
            prepared(1, 0).bytes,
            vec![PrepareOk],
        ),
        (
            "prepare, nothing",
            C::StmtPrepare,
            PROXY,
            prepared(0, 0).ok(none()).bytes,
            vec![PrepareOk, ExtraOk],
        ),
        (
            "cursor",
            C::StmtExecute,
            PROXY,
            wire().packet(&[1]).columns(1).eof(cursor).ok(none()).bytes,
            vec![ExtraOk],
        ),
        (
            "fetch",
            C::StmtFetch,
            PROXY,
            wire().packet(&[0, 0, 1]).eof(none()).ok(none()).bytes,
            vec![ExtraOk],
        ),
        (
            "fields",
            C::FieldList,
            PROXY,
            wire().columns(3).eof(none()).ok(none()).bytes,
            vec![ExtraOk],
        ),
        (
            "statistics",
            C::Statistics,
            PROXY,
            wire().packet(b"Uptime: 1").ok(none()).bytes,
            vec![ExtraOk],
        ),
        (
            "statistics, direct",
            C::Statistics,
            DIRECT,
            wire().packet(b"Uptime: 1").bytes,
            vec![],
        ),
        (
            "set option",
            C::SetOption,
            PROXY,
            wire().eof(none()).bytes,
            vec![],
        ),
        (
            "local file",
            C::Query,
            PROXY,
            wire().packet(b"\xFBfile").ok(none()).bytes,
            vec![LocalInfile, Ok],
        ),
        ("close", C::StmtClose, PROXY, BytesMut::new(), vec![]),
    ]
}

#[test]
fn every_response_ends_where_the_server_ends_it_at_every_split() {
    for (name, command, framing, bytes, controls) in cases() {
        for split in 0..=bytes.len() {
            let (_, seen, left) = run(command, framing, &bytes, &[split]).unwrap();
            assert_eq!((&seen, left), (&controls, 0), "{name} split at {split}");
        }
        let every: Vec<usize> = (0..bytes.len()).collect();
        let (_, seen, left) = run(command, framing, &bytes, &every).unwrap();
        assert_eq!((&seen, left), (&controls, 0), "{name} byte by byte");
    }
}

#[test]
fn the_next_response_is_not_eaten() {
    for (name, command, framing, bytes, _) in cases() {
        let with_next = [&bytes[..], &Wire::default().ok(none()).bytes].concat();
        let (_, _, left) = run(command, framing, &with_next, &[]).unwrap();
        assert_eq!(left, with_next.len() - bytes.len(), "{name}");
    }
}

#[test]
fn a_row_of_many_frames_is_passed_and_its_inner_frames_are_not_read() {
    let mut row = vec![0xFD, 0xFF, 0xFF, 0xFF];
    row.resize(crate::MAX_FRAME_PAYLOAD * 2 + 3, 0xFE);
    let bytes = Wire::default()
        .packet(&[1])
        .columns(1)
        .eof(none())
        .packet(&row)
        .eof(none())
        .bytes;
    let pieces: Vec<usize> = (0..bytes.len()).step_by(70_001).collect();
    let (passed, _, left) = run(CommandKind::Query, DIRECT, &bytes, &pieces).unwrap();
    assert_eq!((passed.len(), left), (bytes.len(), 0));
}

#[test]
fn packets_that_cannot_follow_are_errors() {
    for bytes in [
        &b"\0\0\0\x01"[..],
        b"\x0a\0\0\x01\x02aaaaaaaaa",
        b"\x01\0\0\x01\x01\x03\0\0\x02def\x03\0\0\x03def",
    ] {
        assert!(run(CommandKind::Query, PROXY, bytes, &[]).is_err());
    }
}

proptest! {
    #[test]
    fn no_bytes_panic_and_no_step_leaves_the_buffer(command in 0_u8..32, bytes: Vec<u8>) {
        for framing in [PROXY, DIRECT] {
            let mut tracker = ResponseTracker::new(CommandKind::from_byte(command), framing);
            let mut rest = &bytes[..];
            while let Ok(Step::Forward(count) | Step::Packet(_, count)) = tracker.next(rest) {
                prop_assert!(count > 0 && count <= rest.len());
                rest = &rest[count..];
            }
        }
    }
}

#[test]
fn an_open_cursor_is_still_told_behind_the_extra_ok() {
    let cursor = StatusFlags::SERVER_STATUS_CURSOR_EXISTS;
    let opened = Wire::default().packet(&[1]).columns(1).eof(cursor);
    let bytes = opened.ok(StatusFlags::SERVER_STATUS_AUTOCOMMIT).bytes;
    let mut tracker = ResponseTracker::new(CommandKind::StmtExecute, PROXY);
    let mut rest = &bytes[..];
    while let Step::Forward(count) | Step::Packet(_, count) = tracker.next(rest).unwrap() {
        rest = &rest[count..];
    }
    assert_eq!(
        tracker.status(),
        Some(cursor | StatusFlags::SERVER_STATUS_AUTOCOMMIT)
    );
}
