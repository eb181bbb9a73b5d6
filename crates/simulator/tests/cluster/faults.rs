//! Each fault does to a client what its name says, and is gone when it is undone.

use crate::client::Client;
use odp_simulator::{Cluster, ClusterConfig, ErrorsOn, Fault, SimulatorError, Status};
use std::io::{ErrorKind, Read};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// A cluster, and the server in it that things are done to.
fn cluster() -> (Cluster, SocketAddr) {
    let cluster = Cluster::start(&ClusterConfig::default()).unwrap();
    let addr = cluster.addrs()[1];
    (cluster, addr)
}

fn undo(cluster: &Cluster, addr: SocketAddr) {
    let report = cluster.inject(addr, &Fault::None {}).unwrap();
    assert_eq!(report.faults, []);
    assert_eq!(
        Client::direct(addr, "app@demo", "app")
            .ok("select 7")
            .value(),
        "7"
    );
}

/// One row of the sys tenant, asked on a healthy server.
fn view(cluster: &Cluster, sql: &str) -> Vec<Option<String>> {
    let mut sys = Client::direct(cluster.addrs()[0], "root@sys", "");
    sys.ok(sql).rows.swap_remove(0)
}

#[test]
fn refusing_lets_sessions_go_on_and_no_new_one_begin() {
    let (cluster, addr) = cluster();
    let mut session = Client::direct(addr, "app@demo", "app");
    cluster.inject(addr, &Fault::Refuse {}).unwrap();
    let refused = TcpStream::connect(addr).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    assert_eq!(session.ok("select 1").value(), "1");
    undo(&cluster, addr);
}

#[test]
fn a_storm_of_resets_hits_old_and_new_connections_with_rst() {
    let (cluster, addr) = cluster();
    let session = Client::direct(addr, "app@demo", "app").into_stream();
    cluster.inject(addr, &Fault::Reset {}).unwrap();
    for mut stream in [session, TcpStream::connect(addr).unwrap()] {
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        let error = stream.read(&mut [0; 100]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
    undo(&cluster, addr);
}

#[test]
fn a_session_hangs_after_so_many_bytes_and_goes_on_when_the_fault_is_undone() {
    let (cluster, addr) = cluster();
    let mut session = Client::direct(addr, "app@demo", "app");
    cluster
        .inject(addr, &Fault::Hang { after_bytes: 9 })
        .unwrap();
    session.send("select 1");
    let mut stream = session.into_stream();
    stream
        .set_read_timeout(Some(Duration::from_millis(300)))
        .unwrap();
    let mut got = Vec::new();
    let error = stream.read_to_end(&mut got).unwrap_err();
    assert_eq!((error.kind(), got.len()), (ErrorKind::WouldBlock, 9));
    // New ones get the begin of the greeting and no more.
    let mut greeted = TcpStream::connect(addr).unwrap();
    greeted
        .set_read_timeout(Some(Duration::from_millis(300)))
        .unwrap();
    let mut greeting = Vec::new();
    greeted.read_to_end(&mut greeting).unwrap_err();
    assert_eq!(greeting.len(), 9);
    undo(&cluster, addr);
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    stream.read_exact(&mut [0; 20]).unwrap();
}

#[test]
fn a_session_that_hangs_ends_with_its_client() {
    let (cluster, addr) = cluster();
    let mut writer = Client::direct(addr, "app@demo", "app");
    writer.ok("create table t (id int primary key)");
    writer.ok("begin");
    writer.ok("insert into t values (1)");
    cluster
        .inject(addr, &Fault::Hang { after_bytes: 0 })
        .unwrap();
    writer.send("insert into t values (2)");
    drop(writer);
    // The transaction that it had open holds nobody up.
    let mut other = Client::direct(cluster.addrs()[0], "app@demo", "app");
    other.ok("insert into t values (3)");
    assert_eq!(other.ok("select count(*) from t").value(), "1");
    undo(&cluster, addr);
}

#[test]
fn a_slow_server_takes_so_many_times_as_long() {
    let (cluster, addr) = cluster();
    let mut session = Client::direct(addr, "app@demo", "app");
    cluster.inject(addr, &Fault::Slow { factor: 50 }).unwrap();
    let started = Instant::now();
    session.ok("select sleep(0.01)");
    assert!(
        started.elapsed() >= Duration::from_millis(500),
        "{:?}",
        started.elapsed()
    );
    undo(&cluster, addr);
    let started = Instant::now();
    session.ok("select sleep(0.01)");
    assert!(
        started.elapsed() < Duration::from_millis(500),
        "{:?}",
        started.elapsed()
    );
}

#[test]
fn scripted_errors_hit_the_next_statements_and_nothing_of_them_runs() {
    let (cluster, addr) = cluster();
    let mut session = Client::proxied(addr, "app@demo", "app");
    session.ok("create table t (id int primary key)");
    let insert = session.prepare("insert into t values (?)");
    let errors = Fault::Errors {
        code: 4038,
        count: 3,
        on: ErrorsOn::Statements,
    };
    cluster.inject(addr, &errors).unwrap();
    // What a proxy sets for its client is none of the script's statements, nor is what it asks for.
    session.ok("set names utf8mb4");
    Client::direct(addr, "root@sys", "").ok("select 1");
    assert_eq!(session.fails("insert into t values (1)"), 4038);
    assert_eq!(session.execute(insert, &[2]).1.error.unwrap().0, 4038);
    let left = cluster.faults()[1].faults.clone();
    assert_eq!(
        left,
        [Fault::Errors {
            code: 4038,
            count: 1,
            on: ErrorsOn::Statements
        }]
    );
    assert_eq!(session.fails("begin"), 4038);
    assert_eq!(cluster.faults()[1].faults, []);
    assert_eq!(session.ok("select count(*) from t").value(), "0");
}

#[test]
fn scripted_errors_hit_the_next_logins() {
    let (cluster, addr) = cluster();
    let errors = Fault::Errors {
        code: 1040,
        count: 1,
        on: ErrorsOn::Logins,
    };
    cluster.inject(addr, &errors).unwrap();
    assert_eq!(Client::direct(addr, "root@sys", "").login.error, None);
    let refused = Client::direct(addr, "app@demo", "app").login.error;
    assert_eq!(refused.unwrap().0, 1040);
    undo(&cluster, addr);
}

#[test]
fn a_clock_jumps_and_jumps_back() {
    let (cluster, addr) = cluster();
    let read = |addr| -> i64 {
        let mut session = Client::direct(addr, "app@demo", "app");
        session
            .ok("select unix_timestamp()")
            .value()
            .parse()
            .unwrap()
    };
    for offset_s in [86_400, -3_600] {
        cluster.inject(addr, &Fault::Clock { offset_s }).unwrap();
        let off = read(addr) - read(cluster.addrs()[0]);
        assert!((off - offset_s).abs() < 20, "{off} instead of {offset_s}");
    }
    undo(&cluster, addr);
    assert!((read(addr) - read(cluster.addrs()[0])).abs() < 20);
}

#[test]
fn the_cluster_shows_every_state_and_takes_it_back() {
    let (cluster, addr) = cluster();
    let port = addr.port();
    let seen = |cluster: &Cluster| {
        let sql = format!(
            "select s.status, s.start_service_time is not null, s.stop_time is not null, z.status, \
             (select count(*) from oceanbase.CDB_OB_ZONE_MAJOR_COMPACTION c where c.zone = s.zone \
             and c.status = 'COMPACTING') > 0 from oceanbase.DBA_OB_SERVERS s join \
             oceanbase.DBA_OB_ZONES z on z.zone = s.zone where s.sql_port = {port}"
        );
        view(cluster, &sql)
            .into_iter()
            .map(Option::unwrap)
            .collect::<Vec<_>>()
            .join(" ")
    };
    let healthy = "ACTIVE 1 0 ACTIVE 0";
    assert_eq!(seen(&cluster), healthy);
    for (fault, shown) in [
        (
            Fault::Status {
                status: Status::Inactive,
            },
            "INACTIVE 1 0 ACTIVE 0",
        ),
        (
            Fault::Status {
                status: Status::Deleting,
            },
            "DELETING 1 0 ACTIVE 0",
        ),
        (Fault::Replay {}, "ACTIVE 0 0 ACTIVE 0"),
        (Fault::Upgrade {}, "ACTIVE 1 1 ACTIVE 0"),
        (Fault::ZoneStopped {}, "ACTIVE 1 0 INACTIVE 0"),
        (Fault::Compaction {}, "ACTIVE 1 0 ACTIVE 1"),
    ] {
        let report = cluster.inject(addr, &fault).unwrap();
        assert_eq!(report.faults, [fault]);
        assert_eq!(seen(&cluster), shown);
        undo(&cluster, addr);
        assert_eq!(seen(&cluster), healthy);
    }
}

#[test]
fn leaders_come_and_go_and_find_back() {
    let (cluster, addr) = cluster();
    Client::direct(addr, "app@demo", "app")
        .ok("create table t (id bigint primary key) partition by hash(id) partitions 16");
    let leaders = || -> Vec<SocketAddr> {
        let tablets = cluster.tablets("demo", "test", "t").unwrap();
        tablets.into_iter().map(|tablet| tablet.leader).collect()
    };
    let before = leaders();
    cluster.inject(addr, &Fault::Lead { tablet: None }).unwrap();
    assert_eq!(leaders(), vec![addr; 16]);
    cluster.inject(addr, &Fault::Follow {}).unwrap();
    assert!(!leaders().contains(&addr));
    undo(&cluster, addr);
    assert_eq!(leaders(), before);
    let foreign = before.iter().position(|leader| *leader != addr).unwrap();
    let tablet = cluster.tablets("demo", "test", "t").unwrap()[foreign].tablet_id;
    let lead = Fault::Lead {
        tablet: Some(tablet),
    };
    cluster.inject(addr, &lead).unwrap();
    assert_eq!(leaders()[foreign], addr);
    let unknown = cluster.inject(addr, &Fault::Lead { tablet: Some(1) });
    assert!(matches!(unknown, Err(SimulatorError::NoSuchTable(_))));
}

#[test]
fn servers_are_added_and_removed_while_the_cluster_runs() {
    let (cluster, addr) = cluster();
    let mut session = Client::direct(cluster.addrs()[0], "app@demo", "app");
    session.ok("create table t (id bigint primary key) partition by hash(id) partitions 16");
    let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
    let added = cluster.inject(any_port, &Fault::Added {}).unwrap();
    assert_eq!(cluster.addrs()[3], added.addr);
    assert_eq!(
        Client::direct(added.addr, "app@demo", "app")
            .ok("select 1")
            .value(),
        "1"
    );
    let count = "select count(*), count(distinct zone) from oceanbase.DBA_OB_SERVERS";
    assert_eq!(view(&cluster, count), [Some("4".into()), Some("3".into())]);
    let twice = cluster.inject(added.addr, &Fault::Added {});
    assert!(
        matches!(twice, Err(SimulatorError::Impossible(_))),
        "{twice:?}"
    );

    cluster.inject(addr, &Fault::Removed {}).unwrap();
    assert!(TcpStream::connect(addr).is_err());
    assert_eq!(view(&cluster, count)[0].as_deref(), Some("3"));
    let tablets = cluster.tablets("demo", "test", "t").unwrap();
    assert!(tablets.iter().all(|tablet| tablet.leader != addr));
    session.ok("create table u (id bigint primary key) partition by hash(id) partitions 16");
    let tablets = cluster.tablets("demo", "test", "u").unwrap();
    assert!(tablets.iter().any(|tablet| tablet.leader == added.addr));

    undo(&cluster, addr);
    cluster.inject(added.addr, &Fault::None {}).unwrap();
    assert!(TcpStream::connect(added.addr).is_err());
    assert_eq!(view(&cluster, count)[0].as_deref(), Some("3"));
    assert_eq!(cluster.addrs().len(), 3);
}

#[test]
fn threads_cannot_be_stopped_and_strangers_cannot_be_broken() {
    let (cluster, addr) = cluster();
    for fault in [Fault::Stop {}, Fault::Kill {}, Fault::BlackHole {}] {
        let refused = cluster.inject(addr, &fault);
        assert!(
            matches!(refused, Err(SimulatorError::Impossible(_))),
            "{refused:?}"
        );
    }
    let stranger = SocketAddr::from(([127, 0, 0, 1], 1));
    let refused = cluster.inject(stranger, &Fault::Refuse {});
    assert!(matches!(refused, Err(SimulatorError::NoSuchServer(_))));
    let refused = cluster.inject(addr, &Fault::Slow { factor: 0 });
    assert!(matches!(refused, Err(SimulatorError::BadFault(_))));
    assert_eq!(cluster.faults()[1].faults, []);
}
