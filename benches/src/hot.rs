//! The functions that every query runs through, each over input of its own, for benches and guards.

use crate::observer::addresses;
use crate::observer::metadata::Layout;
use bytes::BytesMut;
use odp_cluster::{DatabaseName, Server, ServerAddr, ServerState, TableName, TenantName, ZoneName};
use odp_protocol::{
    Column, ColumnType, Command, CommandKind, FrameHeader, Framing, OkFormat, OkPacket,
    PacketTracker, ResponseTracker, StatusFlags, Step, UTF8MB4_COLLATION, finish_frame, put_eof,
    put_packet, put_text_row, start_frame,
};
use odp_routing::metadata::{Schema, read_partitioning};
use odp_routing::{
    ClusterView, Decision, Desk, Lookup, Metadata, Observation, Request, Router, RouterLimits,
    TableKey,
};
use odp_sql::{Charset, outline};
use std::hint::black_box;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

/// A function over input that was made beforehand.
pub struct Hot {
    /// What it is called in reports and committed figures.
    pub name: &'static str,
    run: Box<dyn FnMut()>,
}

impl Hot {
    fn new<T>(name: &'static str, mut run: impl FnMut() -> T + 'static) -> Self {
        let run = Box::new(move || {
            black_box(run());
        });
        Self { name, run }
    }

    /// Runs it once.
    pub fn run(&mut self) {
        (self.run)();
    }
}

/// The names of all of them.
pub const NAMES: [&str; 12] = [
    "outline_point_select",
    "outline_insert_200_rows",
    "outline_64_kib_literal",
    "command_parse",
    "request_frame",
    "decide_point_select",
    "route_point_select",
    "route_unpartitioned_begin",
    "learn_hit",
    "track_point_select",
    "track_100_rows",
    "parse_ok",
];

/// The one of this name.
#[must_use]
pub fn by_name(name: &str) -> Option<Hot> {
    let name = *NAMES.iter().find(|known| **known == name)?;
    Some(match name {
        "outline_point_select" => Hot::new(name, || outline(black_box(POINT), Charset::Utf8)),
        "outline_insert_200_rows" => {
            let text = insert_of_200_rows();
            Hot::new(name, move || {
                outline(black_box(&text), Charset::Utf8).table().is_some()
            })
        }
        "outline_64_kib_literal" => {
            let text = long_literal();
            Hot::new(name, move || {
                outline(black_box(&text), Charset::Utf8).table().is_some()
            })
        }
        "command_parse" => {
            let payload = [&[CommandKind::Query.byte()], POINT].concat();
            Hot::new(name, move || {
                Command::parse(black_box(&payload)).is_ok_and(|c| matches!(c, Command::Query(_)))
            })
        }
        "request_frame" => {
            let mut frame = BytesMut::new();
            put_packet(&mut frame, 0, POINT);
            Hot::new(name, move || {
                PacketTracker::default().advance(black_box(&frame))
            })
        }
        "decide_point_select" => decision(name),
        "route_point_select" => route(name, POINT),
        "route_unpartitioned_begin" => route(name, b"BEGIN"),
        "learn_hit" => learn(name),
        "track_point_select" => track(name, result(1)),
        "track_100_rows" => track(name, result(100)),
        _ => parse_ok(name),
    })
}

/// Of those servers.
const PORTS: [u16; 3] = [1, 2, 3];

/// 41 bytes.
const POINT: &[u8] = b"SELECT c FROM sbtest1 WHERE id=4999999999";

fn insert_of_200_rows() -> Vec<u8> {
    let row = "(4711, 17, 'a text of some length', 'pad')";
    let rows = vec![row; 200].join(", ");
    format!("INSERT INTO sbtest1 (id, k, c, pad) VALUES {rows}").into_bytes()
}

fn long_literal() -> Vec<u8> {
    let literal = "x".repeat(64 << 10);
    format!("UPDATE sbtest1 SET c='{literal}' WHERE id=17").into_bytes()
}

/// A router that knows a cluster of three servers and the table that points are selected from.
#[must_use]
pub fn router(addrs: &[SocketAddr], now: Instant) -> Router {
    let layout = Layout::new(addrs);
    let tenant = TenantName::new("demo");
    let router = Router::new(RouterLimits::default());
    let server = |(number, &addr)| Server {
        addr: ServerAddr::from(addr),
        zone: ZoneName::new(format!("z{number}")),
        state: ServerState::Active,
    };
    router.set_view(
        ClusterView {
            servers: (1..).zip(addrs).map(server).collect(),
            metadata: Metadata::Available,
            version: 1,
            ..ClusterView::default()
        },
        now,
    );
    let ask = |what: &str| layout.answer(what);
    let servers = Schema::read(&ask("'__all_dummy'").by_name());
    let schema = Schema::read(&ask("__all_virtual_proxy_schema").by_name());
    let info = ask("__all_virtual_proxy_partition_info");
    let parts = ask("__all_virtual_proxy_partition A");
    let partitioning = read_partitioning(&info.by_name(), &parts.by_name(), &[], &[]);
    let tablets = ask("A.tablet_id IN (");
    if let (Some(servers), Some(schema), Some(partitioning)) = (servers, schema, partitioning) {
        let key = TableKey::servers_of(&tenant);
        router.install(key, Lookup::Table(Box::new(servers.into_table())), now);
        let table = schema.into_partitioned(partitioning, &tablets.by_name());
        let key = TableKey {
            tenant,
            database: DatabaseName::new("test"),
            table: TableName::new("sbtest1"),
        };
        router.install(key, Lookup::Table(Box::new(table)), now);
    }
    router
}

/// A thread's place at a router of servers that nobody connects to.
fn desk(now: Instant) -> Desk {
    Desk::new(Arc::new(router(&addresses(&PORTS), now)), 0)
}

fn decide(
    router: &Desk,
    text: &[u8],
    names: &(TenantName, DatabaseName),
    now: Instant,
) -> Decision {
    let outline = outline(text, Charset::Utf8);
    let request = Request {
        outline: Some(&outline),
        ..Request::new(&names.0, &names.1)
    };
    router.decide(&request, now)
}

fn names() -> (TenantName, DatabaseName) {
    (TenantName::new("demo"), DatabaseName::new("test"))
}

/// Outline and decision over a warm cache.
fn route(name: &'static str, text: &'static [u8]) -> Hot {
    let now = Instant::now();
    let (router, names) = (desk(now), names());
    Hot::new(name, move || decide(&router, black_box(text), &names, now))
}

/// The decision alone.
fn decision(name: &'static str) -> Hot {
    let now = Instant::now();
    let (router, names) = (desk(now), names());
    let outline = outline(POINT, Charset::Utf8);
    Hot::new(name, move || {
        let request = Request {
            outline: Some(black_box(&outline)),
            ..Request::new(&names.0, &names.1)
        };
        router.decide(&request, now)
    })
}

fn learn(name: &'static str) -> Hot {
    let now = Instant::now();
    let (router, names) = (desk(now), names());
    let decision = decide(&router, POINT, &names, now);
    let observation = Observation::Answered {
        partition_hit: Some(true),
        schema_version: None,
    };
    Hot::new(name, move || match &decision {
        Decision::Route(route) => {
            router
                .learn(black_box(route), observation, now)
                .refresh_cluster
        }
        _ => false,
    })
}

/// A result set of proxy mode, its extra OK behind it.
fn result(rows: usize) -> BytesMut {
    let mut out = BytesMut::new();
    let mut sequence = put_packet(&mut out, 1, &[1]);
    let mut packet = |write: &dyn Fn(&mut BytesMut)| {
        let start = start_frame(&mut out);
        write(&mut out);
        sequence = finish_frame(&mut out, start, sequence);
    };
    let column = Column::new("c", ColumnType::MYSQL_TYPE_STRING, UTF8MB4_COLLATION, 480);
    let status = StatusFlags::SERVER_STATUS_AUTOCOMMIT;
    packet(&|out| column.put(out));
    packet(&|out| put_eof(out, status, 0));
    for _ in 0..rows {
        packet(&|out| put_text_row(out, [Some(&[b'x'; 120][..])]));
    }
    packet(&|out| put_eof(out, status, 0));
    packet(&|out| OkPacket::default().put(out, OkFormat::Tracked));
    out
}

fn track(name: &'static str, answer: BytesMut) -> Hot {
    let framing = Framing {
        extra_ok: true,
        ..Framing::default()
    };
    Hot::new(name, move || {
        let mut tracker = ResponseTracker::new(CommandKind::Query, framing);
        let mut rest = black_box(&answer[..]);
        while let Ok(Step::Forward(count) | Step::Packet(_, count)) = tracker.next(rest) {
            rest = rest.get(count..).unwrap_or_default();
        }
        tracker.is_done()
    })
}

fn parse_ok(name: &'static str) -> Hot {
    let mut payload = BytesMut::new();
    OkPacket {
        affected_rows: 1,
        info: b" Rows matched: 1  Changed: 1  Warnings: 0",
        ..OkPacket::default()
    }
    .put(&mut payload, OkFormat::Tracked);
    Hot::new(name, move || {
        black_box(FrameHeader::read(black_box(&payload)));
        OkPacket::parse(black_box(&payload), OkFormat::Tracked).is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_leads_to_its_function() {
        for name in NAMES {
            let mut hot = by_name(name).unwrap();
            assert_eq!(hot.name, name);
            hot.run();
        }
        assert!(by_name("no such function").is_none());
    }

    #[test]
    fn the_canned_metadata_make_a_router_that_knows_the_leader() {
        let now = Instant::now();
        let router = desk(now);
        let Decision::Route(route) = decide(&router, POINT, &names(), now) else {
            panic!("a point select of a known table is routed");
        };
        assert!(route.is_leader);
    }

    #[test]
    fn a_tracked_result_is_followed_to_its_end() {
        let answer = result(3);
        let framing = Framing {
            extra_ok: true,
            ..Framing::default()
        };
        let mut tracker = ResponseTracker::new(CommandKind::Query, framing);
        let mut rest = &answer[..];
        while let Step::Forward(count) | Step::Packet(_, count) = tracker.next(rest).unwrap() {
            rest = &rest[count..];
        }
        assert!(tracker.is_done());
        assert!(rest.is_empty());
    }
}
