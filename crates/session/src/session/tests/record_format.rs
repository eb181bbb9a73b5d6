//! What releases take over from each other: records of a known format, byte by byte.

use super::*;
use crate::change_user::UserChange;
use crate::exchange::{Exchange, Request, Stage};
use crate::holdings::Holdings;
use crate::leases::ServerStatement;
use crate::prepared::StatementContext;
use crate::record::RestoreError;
use crate::state::{Pin as Tie, PinReason};
use bytes::Bytes;
use odp_protocol::{InfileTracker, ParameterType, PrepareOk, ResponseTracker};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// A session that holds one of everything.
fn full(context: &Context, stage: Stage) -> Session {
    let (client, _) = tokio::io::duplex(PIPE);
    let pipes = [1, 2].map(|_| tokio::io::duplex(PIPE).0);
    let mut session = session(client, pipes, context);
    let answer = PrepareOk {
        statement: 1,
        columns: 1,
        parameters: 2,
        warnings: 0,
    };
    let text = Bytes::from_static(b"select ?, ?");
    let held = &mut session.state;
    held.prepared
        .add(1, text, StatementContext::default(), &answer);
    let prepared = held.prepared.get_mut(1).unwrap();
    prepared.types = vec![ParameterType {
        column_type: 8,
        unsigned: true,
    }];
    prepared.cursor = Some(addr(2));
    held.pin = Some(Tie {
        server: addr(1),
        reasons: BTreeSet::from([PinReason::Locks, PinReason::LastStatement]),
        holdings: Holdings::default(),
    });
    held.transaction = Transaction::Held(Bytes::from_static(b"begin"));
    held.found_rows_at = Some(addr(1));
    let synced = &mut session.leases.get_mut(addr(1)).unwrap().synced;
    synced.corrections.push("sql_mode".into());
    synced.statements_max = Some(50);
    let known = ServerStatement {
        id: 7,
        has_types: true,
        is_as_prepared: false,
        used: 3,
    };
    synced.prepared.insert(1, known);
    let request = Request {
        head: BytesMut::from(&b"head"[..]),
        kept: 4,
        body: PacketTracker::default(),
        statement: Some(1),
        prepares: Some(Bytes::from_static(b"text")),
        aliases: BTreeMap::from([(1, 2)]),
    };
    let mut exchange = Exchange::new(addr(1), CommandKind::StmtExecute, request);
    exchange.stage = stage;
    exchange.steps.push_back(crate::sync::SyncStep::OneRow);
    session.exchange = Some(exchange);
    let login = Box::new(session.state.login.clone());
    session.user_change = Some(UserChange::Answered(login, 3));
    session
}

fn written(stage: Stage) -> String {
    let (_lifecycle, watcher) = watch::channel(Lifecycle::Serving);
    let context = context(watcher);
    let session = full(&context, stage);
    let sets = context.variable_sets.borrow();
    let (record, _) = session.into_record(&sets).unwrap();
    let mut hex = String::new();
    for byte in record.to_bytes().unwrap() {
        write!(hex, "{byte:02x}").unwrap();
    }
    hex
}

#[test]
fn a_record_is_written_as_its_format_says() {
    let tracker = || ResponseTracker::new(CommandKind::Query, Framing::default());
    let stages = [
        Stage::Response {
            tracker: tracker(),
            passable: 5,
            started: true,
        },
        Stage::Upload {
            tracker: tracker(),
            infile: InfileTracker::default(),
            passable: 6,
        },
    ];
    let found: Vec<_> = stages.into_iter().map(written).collect();
    let expected: Vec<_> = include_str!("record_format.txt").lines().collect();
    assert_eq!(
        found, expected,
        "another layout is another format, and the one before is still to be read"
    );
}

#[test]
fn a_record_of_another_format_or_with_too_few_or_too_many_bytes_is_refused() {
    let text = include_str!("record_format.txt").lines().next().unwrap();
    let digit = |digit: char| u8::try_from(digit.to_digit(16).unwrap()).unwrap();
    let digits: Vec<u8> = text.chars().map(digit).collect();
    let bytes: Vec<u8> = digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect();
    assert!(SessionRecord::from_bytes(&bytes).is_ok());
    for length in 0..bytes.len() {
        let cut = SessionRecord::from_bytes(&bytes[..length]);
        assert!(
            matches!(cut, Err(RestoreError::Record(_))),
            "{length} bytes"
        );
    }
    let longer = [&bytes[..], b"\0"].concat();
    let read = SessionRecord::from_bytes(&longer);
    assert!(matches!(read, Err(RestoreError::Record(_))));
    let newer = [&[2, 0], &bytes[2..]].concat();
    assert_eq!(
        SessionRecord::from_bytes(&newer).unwrap_err(),
        RestoreError::Format(2)
    );
}
