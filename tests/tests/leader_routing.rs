//! Statements by key run on the leader of their partition, by the simulator's own count.

use odp_tests::clients::{Account, mariadb, python};
use odp_tests::mysql::Connection;
use odp_tests::{Failure, KeyedLoad, Sandbox, Timer};
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

#[test]
fn at_least_999_in_1000_statements_by_key_run_on_the_leader() -> Result<(), Failure> {
    let _timer = Timer::start();
    let _alone = alone();
    let sandbox = Sandbox::start()?;
    let app = sandbox.app();
    let create = "CREATE TABLE routed (id BIGINT PRIMARY KEY, v VARCHAR(30)) \
        PARTITION BY HASH(id) PARTITIONS 16";
    mariadb(app, "test", create)?;

    for (form, first, count) in [("text", 0, 5_000), ("prepared", 1_000_000, 1_000)] {
        let before = sandbox.servers()?;
        single_rows(app, form, first, count)?;
        let after = sandbox.servers()?;
        let (mut hits, mut misses) = (0, 0);
        for (before, after) in before.iter().zip(&after) {
            let server_hits = after.leader_hits - before.leader_hits;
            assert!(server_hits > 0, "{} led nothing: {after:?}", after.addr);
            hits += server_hits;
            misses += after.leader_misses - before.leader_misses;
        }
        // One insert and one select for each key.
        assert!(
            hits + misses >= 2 * count,
            "{form}: only {hits} + {misses} statements counted"
        );
        assert!(
            misses * 1000 <= hits + misses,
            "{form}: {misses} misses, {hits} hits"
        );
    }
    Ok(())
}

/// Eight clients, each at home in two of the sixteen partitions, while leaders move one at a time and
/// many at once.
#[test]
fn a_moved_leader_costs_at_most_one_miss_and_no_error() -> Result<(), Failure> {
    const ROUNDS: [usize; 12] = [1, 1, 1, 2, 3, 5, 8, 16, 16, 1, 1, 16];
    let _timer = Timer::start();
    let _alone = alone();
    let sandbox = Sandbox::start()?;
    let mut direct = table(&sandbox, "moving", "HASH(id) PARTITIONS 16", 0..16)?;
    let keys = (0..8).map(|client| vec![client, client + 8]).collect();
    let load = KeyedLoad::start(sandbox.app(), "moving", keys)?;
    load.wait_for(30)?;
    let addrs: Vec<String> = sandbox.servers()?.into_iter().map(|it| it.addr).collect();
    let (mut moved, mut misses, mut most) = (0, 0, 0);
    for (round, count) in ROUNDS.into_iter().enumerate() {
        let before = misses_of(&sandbox)?;
        let tablets = sandbox.tablets("moving")?;
        for (at, (tablet, leader)) in tablets
            .iter()
            .cycle()
            .skip(round * 5)
            .take(count)
            .enumerate()
        {
            let others: Vec<&String> = addrs.iter().filter(|addr| *addr != leader).collect();
            sandbox.move_leader(*tablet, others[(round + at) % 2])?;
        }
        load.wait_for(40)?;
        let settled = misses_of(&sandbox)?;
        assert!(
            settled - before <= count as u64,
            "{} misses after {count} moves in round {round}",
            settled - before
        );
        load.wait_for(20)?;
        assert_eq!(misses_of(&sandbox)?, settled, "round {round} goes on");
        moved += count;
        misses += settled - before;
        most = most.max(settled - before);
    }
    assert_eq!(load.errors(), Vec::<String>::new());
    assert!(misses > 0, "nothing moved");
    println!(
        "{moved} leaders moved under {} statements of 8 clients: {misses} misses, at most {most} in a \
         round, no error",
        load.finished()
    );
    drop(load);
    direct.query("drop table moving").map(drop)
}

/// The table is made anew at a server, behind the proxy's back.
#[test]
fn a_table_created_anew_is_found_after_at_most_one_miss() -> Result<(), Failure> {
    const SHAPES: [&str; 7] = [
        "HASH(id) PARTITIONS 5",
        "KEY(id) PARTITIONS 7",
        "RANGE(id) (PARTITION a VALUES LESS THAN (3), PARTITION b VALUES LESS THAN (9), \
         PARTITION c VALUES LESS THAN MAXVALUE)",
        "LIST(id) (PARTITION a VALUES IN (0,2,4,6,8), PARTITION b VALUES IN (1,3,5), \
         PARTITION c VALUES IN (DEFAULT))",
        "HASH(id) SUBPARTITION BY KEY(id) SUBPARTITIONS 3 PARTITIONS 4",
        "",
        "HASH(id) PARTITIONS 16",
    ];
    let _timer = Timer::start();
    let _alone = alone();
    let sandbox = Sandbox::start()?;
    for clients in [1_u64, 6] {
        let name = format!("anew_{clients}");
        let mut direct = table(&sandbox, &name, "HASH(id) PARTITIONS 16", 0..24)?;
        let keys = (0..clients)
            .map(|client| (0..24).filter(|key| key % clients == client).collect())
            .collect();
        let load = KeyedLoad::start(sandbox.app(), &name, keys)?;
        load.wait_for(100)?;
        for shape in SHAPES {
            load.pause()?;
            let before = misses_of(&sandbox)?;
            direct.query(&format!("drop table {name}"))?;
            create(&mut direct, &name, shape, 0..24)?;
            let made = misses_of(&sandbox)?;
            load.resume();
            load.wait_for(100)?;
            let misses = misses_of(&sandbox)? - made;
            // Statements that are under way at once do not know of each other's misses.
            assert!(
                misses <= clients,
                "{misses} misses of {clients} clients: {shape}"
            );
            println!(
                "{clients} clients, {misses} misses ({} of the maker): {shape}",
                made - before
            );
        }
        assert_eq!(load.errors(), Vec::<String>::new());
    }
    Ok(())
}

/// What counts single misses is not measured while another test keeps the machine busy.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Creates a table with rows at a server itself, and gives that connection.
fn table(
    sandbox: &Sandbox,
    name: &str,
    shape: &str,
    ids: Range<u64>,
) -> Result<Connection, Failure> {
    let app = sandbox.app();
    let ports = sandbox.server_ports()?;
    let no_server = || Failure::answer("a server", "none");
    let port = *ports.first().ok_or_else(no_server)?;
    let mut direct = Connection::login(port, app.user, app.password)?;
    direct.query("use test")?;
    create(&mut direct, name, shape, ids)?;
    Ok(direct)
}

fn create(
    direct: &mut Connection,
    name: &str,
    shape: &str,
    ids: Range<u64>,
) -> Result<(), Failure> {
    let partitions = match shape {
        "" => String::new(),
        shape => format!(" PARTITION BY {shape}"),
    };
    direct.query(&format!(
        "CREATE TABLE {name} (id BIGINT PRIMARY KEY, v VARCHAR(30)){partitions}"
    ))?;
    let rows: Vec<String> = ids.map(|id| format!("({id}, 'x')")).collect();
    direct.query(&format!("INSERT INTO {name} VALUES {}", rows.join(", ")))?;
    Ok(())
}

fn misses_of(sandbox: &Sandbox) -> Result<u64, Failure> {
    let servers = sandbox.servers()?;
    Ok(servers.iter().map(|server| server.leader_misses).sum())
}

fn single_rows(app: Account<'_>, form: &str, first: u64, count: u64) -> Result<(), Failure> {
    let (first, count, port) = (first.to_string(), count.to_string(), app.port.to_string());
    let arguments = [
        form,
        "routed",
        &first,
        &count,
        app.user,
        app.password,
        &port,
    ];
    python(
        "single_row_statements.py",
        &arguments,
        Duration::from_mins(5),
    )
    .map(drop)
}
