//! More prepared statements than a server session takes: the proxy prepares again what had to make room.

use odp_tests::proxy::Settings;
use odp_tests::wire::{COM_STMT_EXECUTE, COM_STMT_PREPARE, Login, Wire};
use odp_tests::{Engine, Failure, Proxy, Timer, mysql};

/// What the engine takes in one session.
const OPEN_CURSORS: u32 = 20;
/// What a client may have.
const MOST: u32 = 90;

#[test]
fn a_client_has_more_statements_than_its_server_takes() -> Result<(), Failure> {
    let _timer = Timer::start();
    let engine = Engine::shared()?;
    let mut root = mysql::Connection::login(engine.port(), "root", "")?;
    root.query(&format!("ALTER SYSTEM SET open_cursors = {OPEN_CURSORS}"))?;
    // As the engine says, as the proxy is told, and both.
    for limit in [0, 7, 1_024] {
        let settings = Settings::in_front_of(&[engine.port()])
            .with("rootservice_cluster_name", "\"obcluster\"")
            .with("metadata_user", "\"root@sys\"")
            .with("max_prepared_stmt_count", MOST.to_string())
            .with("server_prepared_stmt_count", limit.to_string());
        let proxy = Proxy::start(&settings)?;
        let mut client = Wire::login(Login {
            port: proxy.port(),
            user: "root@sys",
            password: "",
            database: "test",
        })?;
        let mut statements = Vec::new();
        for number in 0..MOST {
            let text = format!("SELECT ? + {number}");
            let reply = client.run(&[&[COM_STMT_PREPARE], text.as_bytes()].concat(), "")?;
            assert_eq!(reply.error, None, "{limit}: {number}\n{}", proxy.evidence());
            statements.extend(reply.statement);
        }
        let refused = client.run(&[&[COM_STMT_PREPARE], &b"SELECT 1"[..]].concat(), "")?;
        assert_eq!(refused.error, Some(1461), "{limit}");
        for round in 0..3_u32 {
            for (number, statement) in (0_u32..).zip(&statements) {
                let reply = client.run(&execute(*statement, 1_000 * round, round == 0), "")?;
                let expected = 1_000 * round + number;
                let row = binary_number(expected);
                let found = reply.bytes.windows(row.len()).any(|bytes| bytes == row);
                assert!(found, "{limit}: {expected} in {:02x?}", reply.bytes);
            }
        }
    }
    Ok(())
}

/// An EXECUTE with one number; its type is told once.
fn execute(statement: u32, value: u32, has_type: bool) -> Vec<u8> {
    let mut command = vec![COM_STMT_EXECUTE];
    command.extend(statement.to_le_bytes());
    command.extend([0, 1, 0, 0, 0, 0, u8::from(has_type)]);
    if has_type {
        command.extend([8, 0]);
    }
    command.extend(u64::from(value).to_le_bytes());
    command
}

/// A row of one number that is not NULL.
fn binary_number(value: u32) -> Vec<u8> {
    [&[0, 0][..], &u64::from(value).to_le_bytes()].concat()
}
