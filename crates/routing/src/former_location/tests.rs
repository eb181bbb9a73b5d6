//! The written form of a location, pinned: another release reads it by its number only.

use super::*;
use crate::partition::calendar;
use crate::partition::column::{Absent, ColumnType, Fill, KeyColumn};
use crate::partition::convert::Labels;
use crate::partition::expression::Expression;
use crate::partition::function::{Buckets, List};
use crate::partition::generated::Generated;
use crate::partition::key::Key;
use crate::partition::text::{Collation, Encoding, Text};
use crate::partition::value::{Bound, Value};
use crate::partition::wide::Wide;
use crate::partition::{Level, Part, Rules, SecondLevel};
use crate::{Location, Partitioning, Router, RouterLimits, Table, Unsure};
use odp_cluster::{
    DatabaseName, Replica, ReplicaType, Role, ServerAddr, TableId, TableName, TabletId, TenantName,
};
use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::Instant;

fn column(column_type: ColumnType, absent: Absent, labels: Option<Labels>) -> KeyColumn {
    KeyColumn {
        name: "c".to_owned(),
        position: 1,
        column_type,
        absent,
        labels,
        nullable: true,
    }
}

fn text(bytes: &'static [u8], collation: Collation) -> Text<'static> {
    Text::new(Cow::Borrowed(bytes), collation).unwrap()
}

/// Keys with the last variant of every type, whose number moves when another one is put before it.
fn keys() -> (Key, Key) {
    let varchar = ColumnType::Text {
        collation: Collation::AsCs0900,
        length: 9,
        fill: Fill::Fixed,
    };
    let codes = Collation::Codes(Encoding::Gb18030);
    let labels = Labels {
        collation: codes,
        texts: vec![text(b"l", codes)],
    };
    let source = column(varchar, Absent::Counted, None);
    let generated = Generated::parse("`c` + 1", |_| Some(source.clone())).unwrap();
    let generated = Absent::Generated(generated);
    let default = Absent::Default(Value::Text(text(b"d", Collation::Binary)));
    let columns = vec![
        column(ColumnType::Unknown(7), default, Some(labels)),
        column(
            ColumnType::Date(calendar::Encoding::Packed),
            generated,
            None,
        ),
    ];
    let program = "unix_timestamp(c) % 10 + -c";
    let first = Key {
        columns: columns.clone(),
        expression: Some(Expression::parse(program, |_| Some(0)).unwrap()),
    };
    let second = Key {
        columns,
        expression: None,
    };
    (first, second)
}

fn table() -> Lookup {
    let wide = Wide::from_le_bytes(&[1, 2]).unwrap();
    let number = Value::Number {
        unscaled: wide,
        scale: 2,
    };
    let decimal = Value::Decimal {
        unscaled: Some(wide),
        words: 1,
    };
    let rows = vec![
        (vec![Value::Null, Value::Uint(7)], 0),
        (vec![number, Value::Double(0.5)], 1),
    ];
    let list = List::new(rows, Some(2));
    let bounds = vec![Bound::Min, Bound::Value(decimal), Bound::Max];
    let (first, second) = keys();
    let replica = Replica {
        server: ServerAddr::from(std::net::SocketAddr::from(([10, 0, 0, 1], 2881))),
        role: Role::Follower,
        replica_type: ReplicaType::Unknown,
        is_duplicate: true,
    };
    Lookup::Table(Box::new(Table {
        id: TableId(5),
        schema_version: -1,
        partitioning: Some(Partitioning {
            rules: Ok(Rules {
                first: Level {
                    key: first,
                    buckets: Buckets::List(list),
                },
                second: Some(SecondLevel {
                    key: second,
                    buckets: vec![Buckets::Range(vec![bounds]), Buckets::Key(3)],
                }),
            }),
            parts: vec![Part {
                name: "p0".to_owned(),
                leaves: 0..1,
            }],
            leaf_names: vec!["p0sp0".to_owned()],
            tablets: vec![TabletId(200_001)],
        }),
        locations: vec![Location {
            tablet: TabletId(200_001),
            replicas: vec![replica],
        }],
    }))
}

fn former(answer: Lookup) -> FormerLocation {
    FormerLocation {
        key: TableKey {
            tenant: TenantName::new("demo"),
            database: DatabaseName::new("test"),
            table: TableName::new("t"),
        },
        answer,
        stale: true,
    }
}

fn unsure() -> Lookup {
    let partitioning = Partitioning {
        rules: Err(Unsure::Several),
        parts: Vec::new(),
        leaf_names: Vec::new(),
        tablets: Vec::new(),
    };
    let Lookup::Table(table) = table() else {
        unreachable!("it is a table");
    };
    Lookup::Table(Box::new(Table {
        partitioning: Some(partitioning),
        ..*table
    }))
}

#[test]
fn the_written_form_changes_only_with_its_number() {
    let routine = Lookup::Routine {
        database: "d".to_owned(),
        statement: "s".to_owned(),
    };
    let answers = [table(), unsure(), routine, Lookup::Missing, Lookup::Failed];
    let bytes = postcard::to_stdvec(&answers.map(former)).unwrap();
    let hex = bytes.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    });
    assert_eq!(
        (FormerLocation::FORMAT, hex.as_str()),
        (2, FORM.split_whitespace().collect::<String>().as_str()),
        "raise FORMAT, then put its new form here"
    );
}

#[test]
fn what_a_router_knows_is_the_same_in_the_next_one() {
    let now = Instant::now();
    let (old, new) = (
        Router::new(RouterLimits::default()),
        Router::new(RouterLimits::default()),
    );
    let missing = TableKey {
        table: TableName::new("missing"),
        ..former(Lookup::Missing).key
    };
    let failed = TableKey {
        table: TableName::new("failed"),
        ..missing.clone()
    };
    old.relocate(former(table()), now);
    old.install(missing, Lookup::Missing, now);
    old.install(failed, Lookup::Failed, now);
    let mut copies: Vec<_> = old.locations().collect();
    for copy in &copies {
        let bytes = postcard::to_stdvec(copy).unwrap();
        new.relocate(postcard::from_bytes(&bytes).unwrap(), now);
    }
    let mut again: Vec<_> = new.locations().collect();
    let by_name = |copy: &FormerLocation| copy.key.to_string();
    copies.sort_by_key(by_name);
    again.sort_by_key(by_name);
    assert_eq!(copies, again);
    assert_eq!(copies.len(), 2, "what is not known is not copied");
    assert!(
        copies.iter().any(|copy| *copy == former(table())),
        "stale as it was"
    );
}

const FORM: &str = "
    0464656d6f047465737401740005010100020163010f07000601640001010601016c0106010163010301010163
    01020a090103000101030000010202000001010700000310011402040000030002000302020002070002048104
    0000000205000000000000e03f0101020301020163010f07000601640001010601016c01060101630103010101
    6301020a0901030001010300000102020000010002020103000103018104000000010201030102703000010105
    703073703001c19a0c01c19a0c01000a000001c116010401010464656d6f047465737401740005010101080000
    0001c19a0c01000a000001c116010401010464656d6f047465737401740101640173010464656d6f0474657374
    017402010464656d6f047465737401740301
";
