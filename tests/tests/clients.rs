//! Real clients work through the sandbox's port without an error.

use odp_tests::clients::{Sysbench, mariadb, python};
use odp_tests::{Failure, Sandbox, Timer, workspace};
use std::time::Duration;

#[test]
fn the_mariadb_command_line_works() -> Result<(), Failure> {
    let _timer = Timer::start();
    let sandbox = Sandbox::start()?;
    let app = sandbox.app();
    let script = "DROP TABLE IF EXISTS cli; \
        CREATE TABLE cli (id INT PRIMARY KEY AUTO_INCREMENT, word VARCHAR(20)); \
        INSERT INTO cli (word) VALUES ('one'), ('zwei ü'), (NULL); \
        BEGIN; DELETE FROM cli; ROLLBACK; \
        SELECT * FROM cli ORDER BY id; \
        SHOW TABLES LIKE 'cli'; \
        USE test; SELECT DATABASE(); DROP TABLE cli";
    let output = mariadb(app, "test", script)?;
    let expected = "id\tword\n1\tone\n2\tzwei ü\n3\tNULL\n\
        Tables_in_test (cli)\ncli\nDATABASE()\ntest\n";
    assert_eq!(output, expected, "{}", sandbox.evidence());

    let refused = mariadb(app, "test", "SELECT * FROM no_such_table");
    let text = refused
        .err()
        .map(|failure| failure.to_string())
        .unwrap_or_default();
    assert!(text.contains("ERROR 1146 (42S02)"), "{text}");
    Ok(())
}

#[test]
fn pymysql_works() -> Result<(), Failure> {
    let _timer = Timer::start();
    let sandbox = Sandbox::start()?;
    let app = sandbox.app();
    let port = app.port.to_string();
    python("pymysql_works.py", &[app.user, app.password, &port], CLIENT).map(drop)
}

#[test]
fn mysql_connector_works_in_python_and_over_its_c_extension() -> Result<(), Failure> {
    let _timer = Timer::start();
    let sandbox = Sandbox::start()?;
    let app = sandbox.app();
    let port = app.port.to_string();
    for form in ["pure", "c"] {
        python(
            "connector_works.py",
            &[form, app.user, app.password, &port],
            CLIENT,
        )?;
    }
    Ok(())
}

#[test]
fn the_account_root_without_a_password_works() -> Result<(), Failure> {
    let _timer = Timer::start();
    let sandbox = Sandbox::start()?;
    let root = odp_tests::clients::Account {
        user: "root@sys",
        password: "",
        ..sandbox.app()
    };
    let output = mariadb(
        root,
        "test",
        "CREATE DATABASE created; USE created; SELECT DATABASE()",
    )?;
    assert_eq!(output, "DATABASE()\ncreated\n");
    Ok(())
}

#[test]
fn sysbench_oltp_read_write_runs_without_an_error() -> Result<(), Failure> {
    let _timer = Timer::start();
    let sandbox = Sandbox::start()?;
    let app = sandbox.app();
    let seconds = if workspace::long() { 30 } else { 5 };
    let sysbench = Sysbench {
        tables: 4,
        rows: 1000,
        threads: 16,
        seconds,
    };
    sysbench.step(app, "prepare")?;
    let report = sysbench.step(app, "run")?;
    sysbench.step(app, "cleanup")?;
    for none in ["ignored errors:", "reconnects:"] {
        let line = report
            .lines()
            .find(|line| line.contains(none))
            .unwrap_or_default();
        let count = line.split_whitespace().nth(none.split(' ').count());
        assert_eq!(count, Some("0"), "{report}\n{}", sandbox.evidence());
    }
    let transactions = report.lines().find(|line| line.contains("transactions:"));
    let count = transactions.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    assert!(count > Some(16), "{report}");
    Ok(())
}

const CLIENT: Duration = Duration::from_mins(1);
