//! Packets of 16 MB and more both ways and a result of 1 GB for a slow reader: byte-exact, in memory that
//! does not grow.

use odp_tests::mysql::Connection;
use odp_tests::process::{forget_peak_memory, memory_kb, peak_memory_kb};
use odp_tests::proxy::Settings;
use odp_tests::wire::{COM_QUERY, Login, Wire};
use odp_tests::{Failure, MariadbServer, Proxy, Sandbox, Timer};
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
    let user = User {
        name: "app@demo",
        password: "app",
    };
    check(&proxy, ports.first().copied().unwrap_or_default(), user)
}

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
    Ok(())
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
