//! Statements by key run on the leader of their partition, by the simulator's own count.

use odp_tests::clients::{Account, mariadb, python};
use odp_tests::{Failure, Sandbox, Timer};
use std::time::Duration;

#[test]
fn at_least_999_in_1000_statements_by_key_run_on_the_leader() -> Result<(), Failure> {
    let _timer = Timer::start();
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
