//! Every pair of commands in one write, odd ones among them: too short, empty, unknown, about statements that
//! nobody has. A server and the proxy in front of it say the same, byte by byte.

use odp_tests::wire::{self, Login, Wire};
use odp_tests::{Failure, Fronted, Timer, say};

#[test]
fn every_pair_of_commands_is_answered_the_same_in_front_of_mariadb() -> Result<(), Failure> {
    let _timer = Timer::start();
    check(&Fronted::mariadb()?, &[])
}

#[test]
fn every_pair_of_commands_is_answered_the_same_in_front_of_the_real_engine() -> Result<(), Failure>
{
    let _timer = Timer::start();
    // The engine reads what was there before, and has two errors for statements that it has not.
    let unlike = [
        "a column list without end",
        "a short option",
        "nothing",
        "reset connection",
    ];
    check(&Fronted::seekdb()?, &unlike)
}

fn check(fronted: &Fronted, without: &[&str]) -> Result<(), Failure> {
    fronted.empty_the_databases()?;
    let account = fronted.direct();
    let direct = Login {
        port: account.port,
        user: account.user,
        password: account.password,
        database: "test",
    };
    let proxied = Login {
        port: fronted.proxy.port(),
        ..direct
    };
    for sql in SETUP {
        Wire::login(direct)?.run(&query(sql), "")?;
    }
    let mut peers = [Peer::new(direct)?, Peer::new(proxied)?];
    let names: Vec<_> = COMMANDS.iter().map(|(name, _)| *name).collect();
    let names = names.iter().filter(|name| !without.contains(name));
    let mut pairs = 0;
    for (number, first) in names.clone().enumerate() {
        for second in names.clone() {
            let fence = format!("fence {number} {pairs}");
            let [expected, got] = peers
                .each_mut()
                .map(|peer| peer.run([first, second], &fence));
            let (expected, got) = (expected?, got?);
            let same = expected == got;
            let what = format!("{first}, {second}");
            assert!(same, "{what}:\n{}\n{}", shown(&expected), shown(&got));
            pairs += 1;
        }
    }
    say(&format!("{pairs} pairs, the same"));
    Ok(())
}

/// A connection with a prepared statement, made anew when it has ended.
struct Peer<'a> {
    login: Login<'a>,
    wire: Wire,
    statement: u32,
}

impl<'a> Peer<'a> {
    fn new(login: Login<'a>) -> Result<Self, Failure> {
        let mut wire = Wire::login(login)?;
        let prepare = [
            &[wire::COM_STMT_PREPARE],
            &b"SELECT a, b FROM at WHERE a < ?"[..],
        ]
        .concat();
        let statement = wire.run(&prepare, "")?.statement.unwrap_or_default();
        Ok(Self {
            login,
            wire,
            statement,
        })
    }

    fn run(&mut self, names: [&str; 2], fence: &str) -> Result<Vec<Vec<u8>>, Failure> {
        let commands = names.map(|name| self.command(name));
        let (mut packets, is_over) = self.wire.fenced(&commands, fence)?;
        for packet in &mut packets {
            hide_ids(packet);
        }
        if is_over {
            packets.push(b"the end".to_vec());
            *self = Self::new(self.login)?;
        } else if names.iter().any(|name| ENDING.contains(name)) {
            *self = Self::new(self.login)?;
        }
        Ok(packets)
    }

    fn command(&self, name: &str) -> Vec<u8> {
        let found = COMMANDS.iter().find(|(known, _)| *known == name);
        let mut command = found.map_or(Vec::new(), |(_, bytes)| bytes.to_vec());
        if let Some(place) = command.get_mut(1..5)
            && *place == *OWN
        {
            place.copy_from_slice(&self.statement.to_le_bytes());
        }
        command
    }
}

/// The ids of statements are each server's own: those in the answer to PREPARE, and those in errors.
fn hide_ids(packet: &mut Vec<u8>) {
    match packet.first() {
        Some(0) if packet.len() == PREPARE_OK => {
            if let Some(id) = packet.get_mut(1..5) {
                id.fill(0);
            }
        }
        Some(0xFF) => packet.retain(|byte| !byte.is_ascii_digit()),
        _ => {}
    }
}

fn shown(packets: &[Vec<u8>]) -> String {
    let text = |packet: &Vec<u8>| packet.escape_ascii().to_string();
    packets.iter().map(text).collect::<Vec<_>>().join("\n  ")
}

fn query(sql: &str) -> Vec<u8> {
    [&[wire::COM_QUERY], sql.as_bytes()].concat()
}

const SETUP: [&str; 2] = [
    "CREATE TABLE at (a INT PRIMARY KEY, b VARCHAR(50))",
    "INSERT INTO at VALUES (1, 'x'), (2, 'y')",
];

/// Commands behind which the statement is no more.
const ENDING: [&str; 2] = ["close", "reset connection"];

/// In place of the id of the prepared statement.
const OWN: &[u8; 4] = b"\xEE\xEE\xEE\xEE";
const PREPARE_OK: usize = 12;

const COMMANDS: [(&str, &[u8]); 41] = [
    ("ping", b"\x0e"),
    ("query", b"\x03SELECT 1"),
    ("wrong query", b"\x03SELEC"),
    ("empty query", b"\x03"),
    ("database", b"\x02test"),
    ("no database", b"\x02nope"),
    ("use", b"\x03USE test"),
    ("columns", b"\x04at\0"),
    ("columns of no table", b"\x04nope\0"),
    ("a column list without end", b"\x04"),
    ("several statements", b"\x1b\0\0"),
    ("one statement", b"\x1b\x01\0"),
    ("an unknown option", b"\x1b\x07\0"),
    ("a short option", b"\x1b"),
    (
        "execute",
        b"\x17\xEE\xEE\xEE\xEE\0\x01\0\0\0\0\x01\x08\0\x05\0\0\0\0\0\0\0",
    ),
    ("execute without parameters", b"\x17\xEE\xEE\xEE\xEE"),
    ("execute without id", b"\x17\x01"),
    (
        "execute nobody's",
        b"\x17\xef\xcd\xab\0\0\x01\0\0\0\0\x01\x08\0\x05\0\0\0\0\0\0\0",
    ),
    ("long data for nobody", b"\x18\xef\xcd\xab\0\0\0abc"),
    ("long data without id", b"\x18\x01"),
    ("close nobody's", b"\x19\xef\xcd\xab\0"),
    ("close", b"\x19\xEE\xEE\xEE\xEE"),
    ("reset", b"\x1a\xEE\xEE\xEE\xEE"),
    ("reset nobody's", b"\x1a\xef\xcd\xab\0"),
    ("fetch without cursor", b"\x1c\xEE\xEE\xEE\xEE\x03\0\0\0"),
    ("fetch nobody's", b"\x1c\xef\xcd\xab\0\x03\0\0\0"),
    ("reset connection", b"\x1f"),
    ("nothing", b""),
    ("an unknown command", b"\x50"),
    ("sleep", b"\0"),
    ("kill nobody", b"\x0c\xf0\xff\xff\x07"),
    ("two results", b"\x03SELECT 1; SELECT 2"),
    (
        "a wrong statement among others",
        b"\x03SELECT 1; SELEC; SELECT 2",
    ),
    (
        "an error among results",
        b"\x03SELECT 1; SELECT * FROM nope; SELECT 3",
    ),
    ("begin", b"\x03BEGIN"),
    ("a double key", b"\x03INSERT INTO at VALUES (1, 'd')"),
    ("rollback", b"\x03ROLLBACK"),
    ("set", b"\x03SET @a = 5"),
    ("get", b"\x03SELECT @a"),
    ("prepare", b"\x16SELECT ? + 1"),
    ("prepare nonsense", b"\x16SELEC"),
];
