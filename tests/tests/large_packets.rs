//! Packets of 16 MB and more both ways and a result of 1 GB for a slow reader: byte-exact, in memory that
//! does not grow.

use odp_tests::mysql::Connection;
use odp_tests::process::{forget_peak_memory, memory_kb, peak_memory_kb};
use odp_tests::proxy::Settings;
use odp_tests::sandbox::ServerCount;
use odp_tests::wire::{COM_QUERY, COM_STMT_EXECUTE, COM_STMT_PREPARE, Login, Wire};
use odp_tests::{Failure, MariadbServer, Proxy, Sandbox, Timer, say};
use std::io::Write as _;
use std::time::Duration;

#[test]
fn large_packets_cross_a_proxy_in_front_of_mariadb() -> Result<(), Failure> {
    let _timer = Timer::start();
    let server = MariadbServer::start()?;
    let mut root = Connection::login(server.port(), "root", "")?;
    root.query("SET GLOBAL max_allowed_packet = 134217728")?;
    // A busy machine must not show in the status flags.
    root.query("SET GLOBAL long_query_time = 3600")?;
    let settings = Settings::in_front_of(&[server.port()]).with("server_routing_mode", "\"mysql\"");
    let proxy = Proxy::start(&settings)?;
    let user = User {
        name: "root",
        password: "",
    };
    check(&proxy, server.port(), user)
}

#[test]
fn large_packets_cross_a_proxy_in_front_of_a_cluster() -> Result<(), Failure> {
    let _timer = Timer::start();
    let cluster = Sandbox::start()?;
    let ports = cluster.server_ports()?;
    let proxy = Proxy::start(&Settings::in_front_of(&ports))?;
    check(&proxy, ports.first().copied().unwrap_or_default(), APP)
}

#[test]
fn a_statement_that_is_too_large_to_be_kept_is_let_pass_and_told() -> Result<(), Failure> {
    let _timer = Timer::start();
    let cluster = Sandbox::start()?;
    let ports = cluster.server_ports()?;
    let proxy = Proxy::start(&Settings::in_front_of(&ports))?;
    let data_plane = proxy
        .data_plane()?
        .ok_or_else(|| Failure::answer("the data plane", "none"))?;
    let mut session = Wire::login(APP.at(proxy.port()))?;
    let probe = [&[COM_QUERY], &b"SELECT 1"[..]].concat();
    session.run(&probe, "")?;
    forget_peak_memory(data_plane)?;
    let before = memory_kb(data_plane)?;
    for size in [(8 << 20) + 1, FRAME, 4 * FRAME] {
        let mut command = echo(size);
        if let Some(first) = command.first_mut() {
            *first = COM_STMT_PREPARE;
        }
        let refused = session.run(&command, "")?;
        assert_eq!(refused.error, Some(4080), "{size} bytes");
        assert_eq!(session.run(&probe, "")?.error, None, "behind {size} bytes");
    }
    let grown = peak_memory_kb(data_plane)?.saturating_sub(before);
    assert!(grown <= GROWTH_KB, "grew by {grown} kB");
    Ok(())
}

/// A large EXECUTE goes to servers that have not seen the statement's types, too.
#[test]
fn a_large_execute_brings_its_types_to_every_server() -> Result<(), Failure> {
    let _timer = Timer::start();
    let cluster = Sandbox::start()?;
    let ports = cluster.server_ports()?;
    let proxy = Proxy::start(&Settings::in_front_of(&ports))?;
    let mut session = Wire::login(APP.at(proxy.port()))?;
    let mut run = |command: &[u8]| {
        let reply = session.run(command, "")?;
        assert_eq!(reply.error, None);
        Ok::<_, Failure>(reply)
    };
    let query = |sql: &str| [&[COM_QUERY], sql.as_bytes()].concat();
    for number in 0..TABLES {
        run(&query(&format!("CREATE TABLE led_{number} (x INT)")))?;
    }
    let prepare = [&[COM_STMT_PREPARE], &b"SELECT ? AS c"[..]].concat();
    let id = run(&prepare)?.statement.unwrap_or_default();
    let expected = run(&with_parameter(id, 1 << 20, true))?;
    let before = cluster.servers()?;
    for number in 0..TABLES {
        run(&query("BEGIN"))?;
        run(&query(&format!("SELECT x FROM led_{number}")))?;
        let got = run(&with_parameter(id, 1 << 20, false))?;
        assert_eq!(got.bytes.len(), expected.bytes.len());
        run(&query("COMMIT"))?;
    }
    let after = cluster.servers()?;
    let ran = |(after, before): (&ServerCount, &ServerCount)| after.statements > before.statements;
    assert!(after.iter().zip(&before).all(ran), "{after:?}");
    Ok(())
}

const APP: User = User {
    name: "app@demo",
    password: "app",
};

/// So many that each of three servers leads some.
const TABLES: usize = 6;

#[derive(Clone, Copy)]
struct User {
    name: &'static str,
    password: &'static str,
}

impl User {
    fn at(self, port: u16) -> Login<'static> {
        Login {
            port,
            user: self.name,
            password: self.password,
            database: "test",
        }
    }
}

fn check(proxy: &Proxy, direct: u16, user: User) -> Result<(), Failure> {
    let data_plane = proxy
        .data_plane()?
        .ok_or_else(|| Failure::answer("the data plane", "none"))?;
    let mut connection = Connection::login(direct, user.name, user.password)?;
    connection.query("USE test")?;
    for sql in [
        "DROP TABLE IF EXISTS letters",
        "CREATE TABLE letters (c VARCHAR(1))",
    ] {
        connection.query(sql)?;
    }
    let letters: Vec<_> = (b'A'..=b'Z')
        .chain(b'0'..=b'5')
        .map(|c| format!("('{}')", char::from(c)))
        .collect();
    connection.query(&format!(
        "INSERT INTO letters VALUES {}",
        letters.join(", ")
    ))?;
    let (mut direct, mut proxied) = (
        Wire::login(user.at(direct))?,
        Wire::login(user.at(proxy.port()))?,
    );
    for wire in [&mut direct, &mut proxied] {
        wire.limit(PATIENCE)?;
        // Everything that one statement of a session needs is there then.
        wire.run(&echo(100 << 10), "")?;
    }
    forget_peak_memory(data_plane)?;
    let before = memory_kb(data_plane)?;
    for size in [FRAME - 1, FRAME, FRAME + 1, 4 * FRAME] {
        for (way, command) in [("request", echo(size)), ("answer", answer(size))] {
            let expected = direct.run(&command, "")?;
            let got = proxied.run(&command, "")?;
            assert_eq!(expected.error, None, "{way} of {size} bytes");
            let same = expected.bytes == got.bytes;
            assert!(same, "{way} of {size} bytes: {} came", got.bytes.len());
            assert!(
                got.bytes.len() > size - 30,
                "{way} of {size} bytes: {}",
                got.bytes.len()
            );
        }
    }
    let of_packets = peak_memory_kb(data_plane)?.saturating_sub(before);
    read_slowly(&mut proxied)?;
    let of_result = peak_memory_kb(data_plane)?.saturating_sub(before);
    let note =
        format!("grew by {of_packets} kB for packets, {of_result} kB after a result of 1 GB\n");
    std::io::stderr().write_all(note.as_bytes()).ok();
    assert!(of_result <= GROWTH_KB, "{note}");
    forget_peak_memory(data_plane)?;
    let before = memory_kb(data_plane)?;
    execute(&mut direct, &mut proxied)?;
    let of_parameters = peak_memory_kb(data_plane)?.saturating_sub(before);
    say(&format!("grew by {of_parameters} kB for parameters"));
    assert!(of_parameters <= GROWTH_KB, "{of_parameters} kB");
    Ok(())
}

/// Sends parameters of many sizes, which come back; the types are declared in the first EXECUTE alone.
fn execute(direct: &mut Wire, proxied: &mut Wire) -> Result<(), Failure> {
    let prepare = [&[COM_STMT_PREPARE], &b"SELECT ? AS c"[..]].concat();
    let mut ids = Vec::new();
    for wire in [&mut *direct, &mut *proxied] {
        ids.push(wire.run(&prepare, "")?.statement.unwrap_or_default());
    }
    let mut declares = true;
    for size in [100, 200 << 10, FRAME - 1, FRAME + 1, 3 * FRAME] {
        let mut answers = Vec::new();
        for (wire, id) in [&mut *direct, &mut *proxied].into_iter().zip(&ids) {
            answers.push(wire.run(&with_parameter(*id, size, declares), "")?);
        }
        declares = false;
        let [expected, got] = &answers[..] else {
            continue;
        };
        assert_eq!(expected.error, None, "EXECUTE with {size} bytes");
        let same = expected.bytes == got.bytes;
        assert!(same, "EXECUTE with {size} bytes: {} came", got.bytes.len());
    }
    Ok(())
}

/// An EXECUTE with one text of `size` bytes.
fn with_parameter(id: u32, size: usize, declares: bool) -> Vec<u8> {
    const VAR_STRING: u8 = 0xFD;
    let mut command = vec![COM_STMT_EXECUTE];
    command.extend(id.to_le_bytes());
    command.extend([0, 1, 0, 0, 0, 0, u8::from(declares)]);
    if declares {
        command.extend([VAR_STRING, 0]);
    }
    command.push(0xFE);
    command.extend(u64::try_from(size).unwrap_or_default().to_le_bytes());
    command.extend((b'a'..=b'z').cycle().take(size));
    command
}

/// A command packet of `size` bytes whose text comes back.
fn echo(size: usize) -> Vec<u8> {
    let (front, back) = (&b"\x03SELECT '"[..], &b"' AS c"[..]);
    let text = size - front.len() - back.len();
    let mut command = Vec::with_capacity(size);
    command.extend(front);
    command.extend((b'a'..=b'z').cycle().take(text));
    command.extend(back);
    command
}

/// A statement whose row is a packet of `size` bytes.
fn answer(size: usize) -> Vec<u8> {
    let text = if size - 4 < FRAME { size - 4 } else { size - 9 };
    let (times, rest) = (text / 16, text % 16);
    let pattern = "0123456789ABCDEF";
    let sql =
        format!("SELECT CONCAT(REPEAT('{pattern}', {times}), LEFT('{pattern}', {rest})) AS c");
    [&[COM_QUERY], sql.as_bytes()].concat()
}

/// Reads 1,024 rows of 1 MB, with a rest after each, and looks at every byte.
fn read_slowly(wire: &mut Wire) -> Result<(), Failure> {
    let sql = "SELECT REPEAT(a.c, 1048576) AS r FROM letters a, letters b";
    let mut rows = 0;
    wire.each_row(&[&[COM_QUERY], sql.as_bytes()].concat(), |row| {
        let text = row.get(4..).unwrap_or_default();
        let letter = text.first().copied().unwrap_or_default();
        assert_eq!(text.len(), ROW, "row {rows}");
        assert!(text.iter().all(|byte| *byte == letter), "row {rows}");
        rows += 1;
        std::thread::sleep(REST);
    })?;
    assert_eq!(rows, 1_024);
    Ok(())
}

/// What a payload of one frame can hold at most, and one byte.
const FRAME: usize = 1 << 24;
/// A row of the large result.
const ROW: usize = 1 << 20;
/// What the reader rests after each row.
const REST: Duration = Duration::from_millis(2);
const PATIENCE: Duration = Duration::from_mins(2);
/// What the data plane may grow by: the buffers of one session, however large its packets are.
const GROWTH_KB: u64 = 1_024;
