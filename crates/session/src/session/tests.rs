//! A session that is dropped, written down and taken up again at every kind of moment gives the client
//! the same bytes as one that is left alone.

mod explain;
mod fake_server;
mod hostile_server;
mod killed;
mod lost_server;
mod record_format;
mod retrying;
mod size;

use super::*;
use crate::Lifecycle;
use crate::borrow::Origin;
use crate::leases::{Lease, Synced};
use crate::login_variables::LoginVariables;
use crate::prepared::PreparedStatements;
use crate::state::Transaction;
use crate::variables::Variables;
use crate::{Context, Kills, Lookup, SessionRecord, Settings};
use fake_server::FakeServer;
use odp_cluster::ServerAddr;
use odp_cluster::{
    DatabaseName, Replica, ReplicaType, Role, Server, ServerState, TableId, TableName, TabletId,
    TenantName, ZoneName,
};
use odp_pool::{ClientLogin, ServerSession};
use odp_protocol::auth::Salt;
use odp_protocol::stream::{Buffers, Transport};
use odp_protocol::{Attributes, CapabilityFlags, Framing, HandshakeResponse, StatusFlags};
use odp_routing::{
    ClusterView, Evidence, Location, Metadata, Router, RouterLimits, Table, TableKey, Tenant,
};
use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use tokio::io::DuplexStream;
use tokio::sync::watch;
use tokio::task::LocalSet;

/// Bytes that a pipe holds: few, so that everything is split.
const PIPE: usize = 61;

struct NoLookup;

impl Lookup for NoLookup {
    fn lookup(&self, _: TableKey) -> Pin<Box<dyn Future<Output = ()> + '_>> {
        Box::pin(std::future::ready(()))
    }

    fn refresh(&self, _: &TableKey) {}

    fn settled(&self, _: TableKey) -> Pin<Box<dyn Future<Output = ()> + '_>> {
        Box::pin(std::future::ready(()))
    }

    fn report(&self, _: Evidence) {}

    fn refresh_cluster(&self) {}
}

fn addr(port: u16) -> ServerAddr {
    format!("127.0.0.1:{port}").parse().unwrap()
}

fn key(table: &str) -> TableKey {
    TableKey {
        tenant: TenantName::new("demo"),
        database: DatabaseName::new("test"),
        table: TableName::new(table),
    }
}

/// Two servers; table `a` is led by the first, `b` by the second.
fn router() -> Arc<Router> {
    let router = Router::new(RouterLimits::default());
    let server = |port| Server {
        addr: addr(port),
        zone: ZoneName::new("z"),
        state: ServerState::Active,
    };
    let mut view = ClusterView {
        servers: vec![server(1), server(2)],
        metadata: Metadata::Available,
        version: 1,
        ..ClusterView::default()
    };
    view.tenants
        .insert(TenantName::new("demo"), Tenant::default());
    router.set_view(view, std::time::Instant::now());
    for (table, port) in [("a", 1), ("b", 2)] {
        let found = led_by(port);
        router.install(key(table), found, std::time::Instant::now());
    }
    Arc::new(router)
}

/// A table of one tablet, led by this server.
fn led_by(port: u16) -> odp_routing::Lookup {
    let replica = Replica {
        server: addr(port),
        role: Role::Leader,
        replica_type: ReplicaType::Full,
        is_duplicate: false,
    };
    odp_routing::Lookup::Table(Box::new(Table {
        id: TableId(1),
        schema_version: 1,
        partitioning: None,
        locations: vec![Location {
            tablet: TabletId(0),
            replicas: vec![replica],
        }],
    }))
}

fn context(lifecycle: watch::Receiver<Lifecycle>) -> Context {
    Context::alone(Settings::default(), router(), Rc::new(NoLookup), lifecycle)
}

fn stream(pipe: DuplexStream) -> Stream {
    Stream::new(Transport::Duplex(pipe), Buffers::default())
}

/// A session that has just logged in, with a server session at each of the two servers.
fn session(client: DuplexStream, servers: [DuplexStream; 2], context: &Context) -> Session {
    let id = context.ids.allocate();
    let framing = Framing {
        extra_ok: true,
        ..Framing::default()
    };
    let mut leases = Leases::default();
    for (port, pipe) in [1, 2].into_iter().zip(servers) {
        let session = ServerSession {
            stream: stream(pipe),
            addr: addr(port),
            connection_id: 7,
            visible_id: 7,
            framing,
        };
        leases.add(Lease {
            session,
            synced: Synced::default(),
            origin: Origin::Own,
        });
    }
    let login = LoginVariables::parse(b"").unwrap();
    let state = SessionState {
        mode: RoutingMode::OceanBase,
        login: ClientLogin {
            response: HandshakeResponse {
                capabilities: CapabilityFlags::CLIENT_PROTOCOL_41,
                max_packet: 1 << 24,
                collation: 45,
                user: b"app@demo".to_vec(),
                auth: Vec::new(),
                database: None,
                plugin: String::new(),
                attributes: Attributes::default(),
            },
            proxy_salt: Salt::from_random([1; 20]),
            session_id: id.get(),
            proxy_connection_id: 1,
            peer: "127.0.0.1:9".parse().unwrap(),
            connected_at_us: 0,
        },
        tenant: TenantName::new("demo"),
        database: DatabaseName::new("test"),
        variables: Variables::new(context.variable_sets.borrow_mut().share(login)),
        transaction: Transaction::None,
        prepared: PreparedStatements::default(),
        pin: None,
        pooling: None,
        keeps_last: false,
        leaves_more: false,
        last_server: Some(addr(1)),
        found_rows_at: None,
        row_count_at: None,
        status: StatusFlags::SERVER_STATUS_AUTOCOMMIT,
    };
    Session {
        client: stream(client),
        id,
        state,
        leases,
        exchange: None,
        user_change: None,
        oversize: None,
        kind: Kind::default(),
    }
}

fn query(text: &str) -> Vec<u8> {
    [&[3], text.as_bytes()].concat()
}

fn execute(statement: u32, types: bool, value: i64) -> Vec<u8> {
    let mut packet = vec![0x17];
    packet.extend(statement.to_le_bytes());
    packet.extend([0, 1, 0, 0, 0, 0, u8::from(types)]);
    if types {
        packet.extend([8, 0]);
    }
    packet.extend(value.to_le_bytes());
    packet
}

/// A script that goes back and forth between the servers, with all that must follow.
fn script() -> Vec<Vec<u8>> {
    vec![
        query("select 1"),
        query("set @x = 5"),
        query("select 40 from a"),
        query("select 3 from b"),
        query("use other"),
        query("select 2 from test.b"),
        query("use test"),
        vec![0x0E],
        query("begin"),
        query("insert into b values (1)"),
        query("select 25 from a"),
        query("error"),
        query("commit"),
        [&[0x16], &b"select 5 from a where k = ?"[..]].concat(),
        execute(1, true, 4),
        execute(1, false, 300),
        [&[0x16], &b"select 6 from b where k = ?"[..]].concat(),
        execute(2, true, 4),
        vec![0x19, 1, 0, 0, 0],
        execute(1, false, 4),
        query("select 400 from b"),
        query("select database_and_variables from a"),
        query("select 7 from a; set @x = 8; select 9 from b"),
        query("select 2 from b; error"),
        query("load 1 into b"),
        [&[0x16], &b"select 9 from b where k = ?"[..]].concat(),
        with_cursor(execute(3, true, 4)),
        with_id(0x1C, 3, &4_u32.to_le_bytes()),
        query("select 1 from a"),
        with_id(0x1C, 3, &20_u32.to_le_bytes()),
        with_id(0x18, 3, b"\0\0some text, "),
        with_id(0x18, 3, b"\0\0and more"),
        execute(3, false, 4),
        with_cursor(execute(3, false, 4)),
        with_id(0x1A, 3, b""),
        query("load 2 into a"),
        b"\x04a\0".to_vec(),
        vec![0x09],
        query("begin"),
        query("select 3 from b; select 300 from a; commit"),
    ]
}

fn with_id(command: u8, statement: u32, rest: &[u8]) -> Vec<u8> {
    [&[command][..], &statement.to_le_bytes(), rest].concat()
}

fn with_cursor(mut execute: Vec<u8>) -> Vec<u8> {
    execute[5] = 1;
    execute
}

/// What the client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wire {
    Plain,
    Compressed,
}

/// Runs the script and returns all that the client got. `pauses` says after how many turns of the
/// scheduler the session is dropped, written down and taken up again, over and over.
async fn run(wire: Wire, pauses: Option<Vec<usize>>) -> (Vec<u8>, usize) {
    let (_lifecycle, watcher) = watch::channel(Lifecycle::Serving);
    let context = Rc::new(context(watcher));
    let (near, client) = tokio::io::duplex(PIPE);
    let mut near = stream(near);
    let mut pipes = Vec::new();
    for first_statement in [100, 200] {
        let (near, far) = tokio::io::duplex(PIPE);
        tokio::task::spawn_local(FakeServer::default().serve(far, first_statement));
        pipes.push(near);
    }
    let servers = <[DuplexStream; 2]>::try_from(pipes).unwrap();
    let mut first = session(client, servers, &context);
    if wire == Wire::Compressed {
        near.compress();
        first.client.compress();
    }
    let handovers = Rc::new(RefCell::new(0));
    let (count, worker_context) = (Rc::clone(&handovers), Rc::clone(&context));
    let worker = tokio::task::spawn_local(async move {
        let mut session = first;
        let mut pauses = pauses.into_iter().flatten().cycle();
        loop {
            let Some(turns) = pauses.next() else {
                session.run(&worker_context).await.ok();
                return;
            };
            tokio::select! {
                biased;
                _ = session.run(&worker_context) => return,
                () = turns_of_the_scheduler(turns) => {}
            }
            session = hand_over(session, &worker_context);
            *count.borrow_mut() += 1;
        }
    });
    let mut received = Vec::new();
    for command in script() {
        near.put_packet(0, &command);
        near.flush().await.unwrap();
        // COM_STMT_CLOSE and long data have no answer.
        if ![0x18, 0x19].contains(&command[0]) {
            read_answer(&mut near, command[0], &mut received).await;
        }
    }
    drop(near);
    worker.await.unwrap();
    let handovers = *handovers.borrow();
    (received, handovers)
}

async fn turns_of_the_scheduler(turns: usize) {
    for _ in 0..turns {
        tokio::task::yield_now().await;
    }
}

/// What a handover does: the record as bytes, the transports beside it.
fn hand_over(session: Session, context: &Context) -> Session {
    let sets = context.variable_sets.borrow();
    let (record, transports) = session.into_record(&sets).unwrap();
    let bytes = record.to_bytes().unwrap();
    let read = SessionRecord::from_bytes(&bytes).unwrap();
    assert_eq!(read, record);
    Session::from_record(read, transports, &sets, &context.ids).unwrap()
}

/// Reads one whole answer as a client without extra OK does.
async fn read_answer(client: &mut Stream, command: u8, received: &mut Vec<u8>) {
    let kind = CommandKind::from_byte(command);
    let mut tracker = odp_protocol::ResponseTracker::new(kind, Framing::default());
    loop {
        match tracker.next(client.inbound()).unwrap() {
            odp_protocol::Step::Done => break,
            odp_protocol::Step::Packet(odp_protocol::Control::LocalInfile, count) => {
                received.extend(client.take(count));
                let long = vec![b'x'; 500];
                let contents = [&b"first line"[..], &long, b""];
                for (sequence, content) in (tracker.next_sequence()..).zip(contents) {
                    client.put_packet(sequence, content);
                    client.flush().await.unwrap();
                }
            }
            odp_protocol::Step::Forward(count) | odp_protocol::Step::Packet(_, count) => {
                received.extend(client.take(count));
            }
            odp_protocol::Step::More(_) => {
                let count = client.read_more().await.unwrap();
                assert!(count > 0, "closed within an answer");
            }
        }
    }
    assert!(client.inbound().is_empty(), "bytes behind an answer");
}

fn in_local_set<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    LocalSet::new().block_on(&runtime, work)
}

#[test]
fn a_session_that_is_handed_over_at_any_wait_gives_the_same_answers() {
    let (undisturbed, _) = in_local_set(run(Wire::Plain, None));
    assert!(
        undisturbed.len() > 5_000,
        "the script must have long answers"
    );
    let mut moved = 0;
    for turns in 0..40 {
        let (answers, handovers) = in_local_set(run(Wire::Plain, Some(vec![turns, turns / 3 + 1])));
        assert_eq!(answers, undisturbed, "handed over every {turns} turns");
        moved += handovers;
    }
    assert!(moved > 1_000, "only {moved} handovers happened");
}

#[test]
fn a_client_that_compresses_gets_the_same_answers_through_any_handover() {
    let (plain, _) = in_local_set(run(Wire::Plain, None));
    let (undisturbed, _) = in_local_set(run(Wire::Compressed, None));
    assert_eq!(undisturbed, plain);
    let mut moved = 0;
    for turns in (1..40).step_by(3) {
        let pauses = Some(vec![turns, turns / 3 + 1]);
        let (answers, handovers) = in_local_set(run(Wire::Compressed, pauses));
        assert_eq!(answers, plain, "handed over every {turns} turns");
        moved += handovers;
    }
    assert!(moved > 300, "only {moved} handovers happened");
}

#[test]
fn state_follows_the_client_to_the_other_server() {
    let (answers, _) = in_local_set(run(Wire::Plain, None));
    let text = String::from_utf8_lossy(&answers);
    assert!(
        text.contains("row 0 of test with @x=5"),
        "the variable reached the second server"
    );
    assert!(
        text.contains("row 1 of other with @x=5"),
        "so did the database"
    );
}

#[test]
fn a_variable_that_nobody_can_set_does_not_stop_the_others() {
    let (answers, _) = in_local_set(run(Wire::Plain, None));
    let text = String::from_utf8_lossy(&answers);
    assert!(
        !text.contains("read only variable"),
        "the client does not hear of it"
    );
    assert!(
        text.contains("row 0 of test with @x=5"),
        "and the rest was set"
    );
}
