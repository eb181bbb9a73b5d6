//! Tables and statements made up at random, held against the real engine: what the router computes is what
//! EXPLAIN prints, and rows lie where it says.
//!
//! `ODP_SEED` repeats a run, `ODP_LONG=1` makes it longer.

mod columns;
mod conditions;
mod known;
mod tables;

use conditions::Condition;
use known::Known;
use odp_sql::{Backslash, Charset, Dialect, DoubleQuotes};
use odp_tests::mysql::{Connection, Row};
use odp_tests::script::Random;
use odp_tests::{Engine, Failure, Timer, say};
use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};
use tables::MadeUp;

/// How much is made up: about 15 s for both tests, or five minutes.
fn is_long() -> bool {
    std::env::var_os("ODP_LONG").is_some_and(|value| value == "1")
}

/// Tables and statements on each.
fn extent() -> (u32, u32) {
    if is_long() { (160, 40) } else { (14, 25) }
}

/// The seed that repeats this run: another one each time when there is time to look for something new.
fn seed() -> u64 {
    let given = std::env::var("ODP_SEED").ok();
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.ok().filter(|_| is_long());
    let given = given.and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| now.map_or(1, |now| now.as_secs()));
    say(&format!("ODP_SEED={seed}"));
    seed
}

/// A connection whose session is as [`Known::tablets`] takes it to be.
fn connect() -> Result<Connection, Failure> {
    let mut connection = Connection::login(Engine::shared()?.port(), "root", "")?;
    for sql in [
        "create database if not exists test",
        "use test",
        "set names utf8mb4 collate utf8mb4_general_ci",
        "set time_zone = '+08:00'",
        "set sql_mode = 'STRICT_ALL_TABLES'",
    ] {
        connection.query(sql)?;
    }
    Ok(connection)
}

/// Creates a table that the engine takes; `None` for one that it refuses.
fn create(
    connection: &mut Connection,
    number: u32,
    random: &mut Random,
) -> Result<Option<(MadeUp, Known)>, Failure> {
    let made = MadeUp::new(number, random);
    connection.query(&format!("drop table if exists {}", made.name))?;
    match connection.query(&made.ddl) {
        Ok(_) => {}
        Err(Failure::Server { .. }) => return Ok(None),
        Err(other) => return Err(other),
    }
    let known = Known::read(connection, &made.name)?;
    Ok(Some((made, known)))
}

/// The partitions of `table` that EXPLAIN prints.
fn explained(
    connection: &mut Connection,
    sql: &str,
    table: &str,
) -> Result<Option<String>, Failure> {
    let Some(rows) = try_query(connection, &format!("explain {sql}"))? else {
        return Ok(None);
    };
    let lines: Vec<String> = rows.into_iter().flatten().flatten().collect();
    let scan = lines.iter().find_map(|line| {
        let mut cells = line.split('|').skip(1).map(str::trim);
        let (id, operator, name) = (cells.next()?, cells.next()?, cells.next()?);
        let scans = operator.contains("TABLE ")
            && (name == table || name.starts_with(&format!("{table}(")));
        scans.then(|| id.to_owned())
    });
    let Some(scan) = scan else { return Ok(None) };
    let start = format!("{scan} - ");
    let of_scan = lines
        .iter()
        .skip_while(|line| !line.trim().starts_with(&start))
        .collect::<Vec<_>>();
    let mut text = String::new();
    for line in of_scan {
        text += line.trim();
        text.push(' ');
    }
    let (_, partitions) = text.split_once("partitions(").unwrap_or_default();
    Ok(partitions.split_once(')').map(|(list, _)| list.to_owned()))
}

/// Conditions by how the computed set of partitions compares with the engine's.
#[derive(Debug, Default)]
struct Count {
    equal: u32,
    /// The computed set holds the engine's and more.
    wider: u32,
    /// Different, but the engine finds no row even among those made for the condition.
    contradictions: u32,
    /// The engine's set holds partitions that were not computed.
    missing: u32,
    unsure: u32,
    refused: u32,
}

impl Count {
    fn all(&self) -> u32 {
        self.equal + self.wider + self.missing + self.unsure
    }
}

#[test]
fn explain_prints_no_partition_that_is_not_computed() -> Result<(), Failure> {
    let _timer = Timer::start();
    let mut random = Random::new(seed());
    let mut connection = connect()?;
    let mut count = Count::default();
    let (tables, statements) = extent();
    for table in 0..tables {
        let Some((made, known)) = create(&mut connection, table, &mut random)? else {
            continue;
        };
        for id in 0..statements {
            let condition = Condition::new(&made, &mut random);
            let text = &condition.text;
            let sql = match random.below(6) {
                0 => format!("update {} set w = 'y' where {text}", made.name),
                1 => format!("delete from {} where {text}", made.name),
                _ => format!("select * from {} where {text}", made.name),
            };
            for _ in 0..2 {
                try_query(&mut connection, &condition.row(&made, id, &mut random))?;
            }
            compare(&mut connection, (&made, &known), (&sql, text), &mut count)?;
        }
        connection.query(&format!("drop table {}", made.name))?;
    }
    println!("{count:?}");
    assert_eq!(count.missing, 0, "{count:?}");
    // Half of the literals are odd ones; otherwise the generator has drifted to what is not computed.
    assert!(count.equal * 100 > count.all() * 85, "{count:?}");
    Ok(())
}

/// Runs a statement that the engine may refuse.
fn try_query(connection: &mut Connection, sql: &str) -> Result<Option<Vec<Row>>, Failure> {
    match connection.query(sql) {
        Ok(rows) => Ok(Some(rows)),
        Err(Failure::Server { .. }) => Ok(None),
        Err(other) => Err(other),
    }
}

fn compare(
    connection: &mut Connection,
    (made, known): (&MadeUp, &Known),
    (sql, condition): (&str, &str),
    count: &mut Count,
) -> Result<(), Failure> {
    let Some(printed) = explained(connection, sql, &made.name)? else {
        count.refused += 1;
        return Ok(());
    };
    let expected = known.tablets_of(&printed);
    let found = match known.tablets(sql, Charset::Utf8.into()) {
        Ok(found) => found,
        Err(unsure) => {
            count.unsure += 1;
            println!("unsure {unsure:?}: {sql}\n   {}", made.ddl);
            return Ok(());
        }
    };
    if found == expected {
        count.equal += 1;
        return Ok(());
    }
    let rows = format!("select id from {} where {condition} limit 1", made.name);
    let finds = try_query(connection, &rows)?.is_some_and(|rows| !rows.is_empty());
    let holds = expected.iter().all(|tablet| found.contains(tablet));
    let kind = match (holds, finds) {
        (false, true) => {
            count.missing += 1;
            "MISSING"
        }
        (true, finds) if finds || expected != known.first_tablet() => {
            count.wider += 1;
            "wider"
        }
        _ => {
            count.contradictions += 1;
            return Ok(());
        }
    };
    let (found, expected) = (found.len(), expected.len());
    println!(
        "{kind}: {sql}\n   {found} instead of {expected}: {}",
        made.ddl
    );
    Ok(())
}

#[test]
fn rows_lie_where_they_are_computed_to_be() -> Result<(), Failure> {
    let _timer = Timer::start();
    let mut random = Random::new(seed() ^ 1);
    let mut connection = connect()?;
    let mut placed = Placed::default();
    let (tables, rows) = extent();
    for table in 0..tables {
        let made = create(&mut connection, tables + table, &mut random)?;
        // A table with one partition is taken for one without any.
        let Some((made, known)) = made.filter(|(_, known)| known.leaves().count() > 1) else {
            continue;
        };
        placed.in_table(&mut connection, (&made, &known), rows, &mut random)?;
        connection.query(&format!("drop table {}", made.name))?;
    }
    let Placed { right, unsure, .. } = placed;
    println!("{right} right, {unsure} unsure, {} refused", placed.refused);
    assert!(placed.wrong.is_empty(), "{:#?}", placed.wrong);
    assert!(right > 3 * unsure, "{unsure} unsure, {right} right");
    Ok(())
}

/// Rows by what was computed for them.
#[derive(Debug, Default)]
struct Placed {
    right: u32,
    unsure: u32,
    refused: u32,
    wrong: Vec<String>,
}

impl Placed {
    fn in_table(
        &mut self,
        connection: &mut Connection,
        (made, known): (&MadeUp, &Known),
        count: u32,
        random: &mut Random,
    ) -> Result<(), Failure> {
        let (sql_mode, dialect) = random.pick(MODES);
        connection.query(&format!("set sql_mode = '{sql_mode}'"))?;
        let mut rows = BTreeMap::new();
        for id in 0..count {
            let sql = made.insert(id, random);
            let found = known.tablets(&sql, dialect);
            match (connection.query(&sql), found) {
                (Ok(_), found) => {
                    rows.insert(id.to_string(), (sql, found));
                }
                (
                    Err(Failure::Server {
                        code: NO_PARTITION, ..
                    }),
                    Ok(found),
                ) => {
                    let ddl = &made.ddl;
                    self.wrong.push(format!(
                        "{sql}: nowhere, not in {found:?}; {sql_mode}; {ddl}"
                    ));
                }
                (Err(Failure::Server { .. }), _) => self.refused += 1,
                (Err(other), _) => return Err(other),
            }
        }
        for (leaf, tablet) in known.leaves() {
            let ids = format!("select id from {} partition ({leaf})", made.name);
            for id in connection.query(&ids)?.into_iter().flatten().flatten() {
                let Some((sql, found)) = rows.remove(&id) else {
                    continue;
                };
                let ddl = &made.ddl;
                match found {
                    Ok(found) if found == [tablet] => self.right += 1,
                    Ok(found) => self.wrong.push(format!(
                        "{sql}: in {tablet}, not in {found:?}; {sql_mode}; {ddl}"
                    )),
                    Err(reason) => {
                        self.unsure += 1;
                        println!("unsure {reason:?}: {sql}; {sql_mode}\n   {ddl}");
                    }
                }
            }
        }
        Ok(())
    }
}

/// `ER_NO_PARTITION_FOR_GIVEN_VALUE`
const NO_PARTITION: u16 = 1526;

/// Values of `sql_mode`, and how statements are read under them.
const MODES: &[(&str, Dialect)] = &[
    (
        "STRICT_ALL_TABLES",
        dialect(Backslash::Escapes, DoubleQuotes::Strings),
    ),
    ("", dialect(Backslash::Escapes, DoubleQuotes::Strings)),
    (
        "STRICT_TRANS_TABLES,NO_BACKSLASH_ESCAPES",
        dialect(Backslash::IsPlain, DoubleQuotes::Strings),
    ),
    (
        "ANSI_QUOTES",
        dialect(Backslash::Escapes, DoubleQuotes::Names),
    ),
];

const fn dialect(backslash: Backslash, double_quotes: DoubleQuotes) -> Dialect {
    Dialect {
        charset: Charset::Utf8,
        backslash,
        double_quotes,
    }
}
