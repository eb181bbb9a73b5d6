//! One client from login to its end, which checks at every step that everything it sees is its own.

use crate::World;
use crate::backend::Kind;
use crate::persona::Persona;
use odp_tests::Failure;
use odp_tests::mysql::{Connection, Rows};
use odp_tests::script::Random;

/// What became of the rows that a client has written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    /// They are there.
    Kept,
    /// The client was killed meanwhile.
    Unknown,
}

/// A client.
pub(crate) struct Visitor<'a> {
    client: Connection,
    persona: Persona,
    world: &'a World,
    random: &'a mut Random,
    /// In everything that it leaves behind; nobody else has the same.
    mark: u64,
    /// The rows with its mark that are kept if it ends now.
    rows: u32,
    /// And those that go with its transaction.
    uncommitted: u32,
    in_transaction: bool,
    has_role: bool,
    /// What it asked last, for a failure's text.
    asked: String,
    statements: u64,
}

impl<'a> Visitor<'a> {
    pub(crate) fn log_in(
        world: &'a World,
        persona: Persona,
        random: &'a mut Random,
        mark: u64,
    ) -> Result<Self, Failure> {
        let Persona {
            login,
            password,
            options,
            ..
        } = persona;
        let client = Connection::login_with(world.backend.port(), login, password, options)?;
        world.enters(client.id());
        Ok(Self {
            client,
            persona,
            world,
            random,
            mark,
            rows: 0,
            uncommitted: 0,
            in_transaction: false,
            has_role: false,
            asked: String::new(),
            statements: 0,
        })
    }

    /// All of its life. A failure is forgiven to those that were killed.
    pub(crate) fn live(mut self) -> Result<u64, Failure> {
        let lived = self.arrive().and_then(|()| self.stay());
        match lived {
            Ok(()) => {
                self.world
                    .note(self.persona, self.mark, self.rows, Written::Kept);
                let statements = self.statements;
                // Who has been killed meanwhile finds nobody to say goodbye to.
                self.leave().ok();
                Ok(statements)
            }
            Err(failure) if self.world.explains(self.client.id(), &failure) => {
                self.world
                    .note(self.persona, self.mark, 0, Written::Unknown);
                Ok(self.statements)
            }
            Err(failure) => {
                let (id, persona, asked) = (self.client.id(), self.persona, self.asked);
                let who = format!("client {id} as {persona:?} behind {asked:?}");
                Err(Failure::answer(who, failure.to_string()))
            }
        }
    }

    fn ask(&mut self, sql: &str) -> Result<Vec<String>, Failure> {
        self.statements += 1;
        sql.clone_into(&mut self.asked);
        let rows = self.client.query(sql)?;
        Ok(first(rows))
    }

    fn expect(&mut self, sql: &str, expected: &[&str]) -> Result<(), Failure> {
        let seen = self.ask(sql)?;
        check(sql, &seen, expected)
    }

    /// The statement must fail, with this code.
    fn fails(&mut self, sql: &str, expected: u16) -> Result<(), Failure> {
        match self.ask(sql) {
            Err(Failure::Server { code, .. }) if code == expected => Ok(()),
            Err(failure) => Err(failure),
            Ok(row) => Err(Failure::answer(format!("{sql} fails"), format!("{row:?}"))),
        }
    }

    /// Nothing of anybody else is there, and all that is its own.
    fn arrive(&mut self) -> Result<(), Failure> {
        let Persona {
            names: [user, account],
            own,
            foreign,
            tenant,
            collation,
            options,
            ..
        } = self.persona;
        if self.world.mode == "session" {
            // The numbers of a fresh session, whatever its former clients have counted.
            self.expect("SELECT FOUND_ROWS(), ROW_COUNT()", &["1", "-1"])?;
        }
        let id = self.client.id().to_string();
        self.expect(
            "SELECT USER(), CURRENT_USER(), DATABASE(), CONNECTION_ID(), @mark, @@autocommit, \
             @@div_precision_increment, @@sql_select_limit, LAST_INSERT_ID(), @@last_insert_id, \
             @@time_zone = @@global.time_zone, @@sql_mode = @@global.sql_mode, @@tx_isolation, @@collation_connection",
            &[
                user,
                account,
                options.database.unwrap_or("NULL"),
                &id,
                "NULL",
                "1",
                "4",
                "9223372036854775807",
                "0",
                "0",
                "1",
                "1",
                "READ-COMMITTED",
                collation,
            ],
        )?;
        self.fails("EXECUTE leftover", UNKNOWN_STATEMENT)?;
        let stranger = self.random.below(40) + 1;
        match self.client.execute(stranger, &[], Rows::AtOnce) {
            Err(Failure::Server {
                code: UNKNOWN_STATEMENT | NO_ENTRY_IN_MAP,
                ..
            }) => {}
            Err(failure) => return Err(failure),
            Ok(rows) => {
                let what = "EXECUTE of a statement of others";
                return Err(Failure::answer(what, format!("{rows:?}")));
            }
        }
        self.statements += 1;
        let whose = format!("{tenant} {own}");
        self.expect(&format!("SELECT name FROM {own}.whose"), &[&whose])?;
        self.fails(&format!("SELECT name FROM {foreign}.whose"), DENIED)?;
        self.fails(&format!("INSERT INTO {own}.whose VALUES (2, 'x')"), DENIED)?;
        if self.world.backend.kind == Kind::Engine && self.random.chance(20) {
            self.arrive_at_an_engine()?;
        }
        Ok(())
    }

    /// What only a real engine has: roles, and numbers of sequences.
    fn arrive_at_an_engine(&mut self) -> Result<(), Failure> {
        self.expect("SELECT CURRENT_ROLE()", &["NONE"])?;
        if self.random.chance(50) {
            return self.fails("SELECT iso_all.numbers.CURRVAL FROM DUAL", NO_NUMBER);
        }
        let foreign = self.persona.foreign;
        self.ask(&format!("SET ROLE of_{foreign}"))?;
        let whose = format!("{} {foreign}", self.persona.tenant);
        self.expect(&format!("SELECT name FROM {foreign}.whose"), &[&whose])?;
        if self.random.chance(50) {
            self.ask("SELECT iso_all.numbers.NEXTVAL FROM DUAL")?;
            self.ask("SELECT iso_all.numbers.CURRVAL FROM DUAL")?;
        }
        // With the role, what is not its own can be read and entered.
        self.has_role = true;
        Ok(())
    }

    /// Leaves traces, and finds its own again.
    fn stay(&mut self) -> Result<(), Failure> {
        let mark = self.mark.to_string();
        let precision = self.random.below(20) + 5;
        self.ask(&format!(
            "SET @mark = {mark}, div_precision_increment = {precision}"
        ))?;
        for _ in 0..self.random.below(6) {
            self.do_something(&mark)?;
        }
        let precision = precision.to_string();
        self.expect(
            "SELECT @mark, @@div_precision_increment",
            &[&mark, &precision],
        )?;
        if self.random.chance(8) {
            self.begin_anew()?;
        }
        Ok(())
    }

    fn do_something(&mut self, mark: &str) -> Result<(), Failure> {
        match self.random.below(12) {
            0 => {
                self.ask("PREPARE leftover FROM 'SELECT @mark'")?;
                self.expect("EXECUTE leftover", &[mark])
            }
            1 if !self.in_transaction => self.take_locks(),
            2 => {
                self.ask("USE iso_all")?;
                self.expect("SELECT DATABASE()", &["iso_all"])
            }
            3 => self.insert_and_find(mark),
            4 => {
                self.ask("UPDATE iso_all.fixed SET v = 1 WHERE id = 1")?;
                let (seen, expected) = (self.client.affected_rows(), self.persona.found);
                check(
                    "rows counted",
                    &[seen.to_string()],
                    &[&expected.to_string()],
                )
            }
            5 if !self.in_transaction => {
                self.ask("SET autocommit = 0")?;
                self.expect("SELECT @@autocommit", &["0"])?;
                self.ask("SET autocommit = 1")?;
                self.expect("SELECT @@autocommit", &["1"])
            }
            6 => self.transaction(mark),
            7 | 8 => self.prepared(mark),
            9 => {
                self.ask("SET NAMES gbk")?;
                self.expect("SELECT @@character_set_client", &["gbk"])?;
                self.ask("SET sql_mode = 'ANSI_QUOTES', time_zone = '+03:00'")?;
                self.expect("SELECT @@time_zone, @mark", &["+03:00", mark])
            }
            10 if !self.has_role => {
                self.fails("SELECT * FROM iso_all.nothing", NO_TABLE)?;
                self.fails(&format!("USE {}", self.persona.foreign), NO_ENTRY)
            }
            _ => {
                self.client
                    .read_the_beginning("SELECT id, v FROM iso_all.fixed", 1)?;
                // The rest of the answer comes before the next one.
                self.statements += 1;
                self.client.skip_rows(2)?;
                self.expect("SELECT @mark", &[mark])
            }
        }
    }

    /// The engine has no other ones for a proxy's sessions.
    fn take_locks(&mut self) -> Result<(), Failure> {
        self.ask("LOCK TABLES iso_all.fixed READ")?;
        self.ask("UNLOCK TABLES")?;
        Ok(())
    }

    fn insert(&mut self, mark: &str) -> Result<(), Failure> {
        let tenant = self.persona.tenant;
        self.ask(&format!(
            "INSERT INTO iso_all.traces (mark, tenant) VALUES ({mark}, '{tenant}')"
        ))?;
        if self.in_transaction {
            self.uncommitted += 1;
        } else {
            self.rows += 1;
        }
        Ok(())
    }

    fn insert_and_find(&mut self, mark: &str) -> Result<(), Failure> {
        self.insert(mark)?;
        let id = self.ask("SELECT LAST_INSERT_ID()")?;
        let id = id.first().map_or("", String::as_str).to_owned();
        let tenant = self.persona.tenant;
        self.expect(
            &format!("SELECT mark, tenant FROM iso_all.traces WHERE id = {id}"),
            &[mark, tenant],
        )
    }

    fn transaction(&mut self, mark: &str) -> Result<(), Failure> {
        if !self.in_transaction {
            self.ask("BEGIN")?;
            self.in_transaction = true;
        }
        self.insert(mark)?;
        self.expect("SELECT @mark", &[mark])?;
        match self.random.below(3) {
            0 => {
                self.ask("COMMIT")?;
                self.rows += self.uncommitted;
            }
            1 => {
                self.ask("ROLLBACK")?;
            }
            // It may go on, or the client leaves it open.
            _ => return Ok(()),
        }
        self.uncommitted = 0;
        self.in_transaction = false;
        Ok(())
    }

    /// Statements whose text many clients share.
    fn prepared(&mut self, mark: &str) -> Result<(), Failure> {
        let text = self.random.pick(&[
            "SELECT CONCAT(?, ''), CONCAT(@mark, ''), CURRENT_USER()",
            "SELECT CONCAT(?, '-'), CONCAT(@mark, ''), CURRENT_USER()",
        ]);
        let suffix = if text.contains('-') { "-" } else { "" };
        let statement = self.client.prepare(text)?;
        let account = self.persona.names[1];
        for _ in 0..=self.random.below(2) {
            let value = format!("v{}", self.random.below(1000));
            let rows = self.client.execute(statement, &[&value], Rows::AtOnce)?;
            self.statements += 1;
            check(
                text,
                &first(rows),
                &[&format!("{value}{suffix}"), mark, account],
            )?;
        }
        if self.random.chance(30) {
            self.open_cursor()?;
        }
        Ok(())
    }

    /// Reads some rows of a cursor and leaves it open.
    fn open_cursor(&mut self) -> Result<(), Failure> {
        let text = "SELECT CONCAT(id, ''), CURRENT_USER() FROM iso_all.fixed ORDER BY id";
        let statement = self.client.prepare(text)?;
        let mut rows = self.client.execute(statement, &[], Rows::ByCursor)?;
        self.statements += 2;
        if rows.is_empty() {
            rows = self.client.fetch(statement, 2, 2)?;
        }
        let account = self.persona.names[1];
        check(text, &first(rows), &["1", account])
    }

    /// `COM_RESET_CONNECTION`: the same client without anything of its past.
    fn begin_anew(&mut self) -> Result<(), Failure> {
        self.client.reset_connection()?;
        self.uncommitted = 0;
        self.in_transaction = false;
        self.expect(
            "SELECT @mark, @@autocommit, LAST_INSERT_ID(), @@div_precision_increment",
            &["NULL", "1", "0", "4"],
        )?;
        self.fails("EXECUTE leftover", UNKNOWN_STATEMENT)
    }

    /// Goes in one of the ways in which clients go.
    fn leave(mut self) -> Result<(), Failure> {
        match self.random.below(5) {
            0 | 1 => self.client.quit(),
            2 => self
                .client
                .read_the_beginning("SELECT REPEAT('x', 200000) FROM iso_all.fixed", 1),
            3 => self.client.send_query("SELECT SLEEP(0.05)"),
            _ => Ok(()),
        }
    }
}

fn first(rows: Vec<odp_tests::mysql::Row>) -> Vec<String> {
    let row = rows.into_iter().next().unwrap_or_default();
    let text = |value: Option<String>| value.unwrap_or_else(|| "NULL".to_owned());
    row.into_iter().map(text).collect()
}

fn check(what: &str, seen: &[String], expected: &[&str]) -> Result<(), Failure> {
    if seen == expected {
        return Ok(());
    }
    let what = format!("{what}: {expected:?}");
    Err(Failure::answer(what, format!("{seen:?}")))
}

/// A sequence has given no number yet.
const NO_NUMBER: u16 = 9753;
const NO_ENTRY: u16 = 1044;
const DENIED: u16 = 1142;
const NO_TABLE: u16 = 1146;
const UNKNOWN_STATEMENT: u16 = 1243;
/// What a real engine calls an unknown statement.
const NO_ENTRY_IN_MAP: u16 = 4201;
