//! Queries: rows go from the engine to the client one by one.

use crate::engine::{Engine, is_busy, sql_error};
use crate::error::SqlError;
use crate::results::OutColumns;
use crate::session::reply::{put_columns, put_row};
use crate::session::shape::{bind, resolve, shape};
use crate::session::wire::Wire;
use crate::session::{Answer, Encoding, Session, Summary};
use crate::translate::Translated;
use odp_protocol::{StatusFlags, put_eof};
use rusqlite::types::{Value, ValueRef};
use std::time::{Duration, Instant};

/// A query on its way to the client.
struct Reading<'a> {
    wire: &'a mut Wire,
    encoding: Encoding,
    status: StatusFlags,
    /// The row of `SELECT .. INTO` stays here.
    keeps: bool,
    kept: Vec<Value>,
    columns: Option<OutColumns>,
    count: i64,
}

impl Reading<'_> {
    fn run(&mut self, engine: &Engine, sql: &str, values: &[Value]) -> Result<(), rusqlite::Error> {
        let mut statement = engine.connection.prepare_cached(sql)?;
        bind(&mut statement, values)?;
        let shape = shape(&statement);
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next()? {
            let cells: Vec<ValueRef<'_>> = (0..shape.len())
                .map(|index| row.get_ref(index))
                .collect::<Result<_, _>>()?;
            if self.keeps {
                let owned = |cell: &ValueRef<'_>| Value::try_from(*cell).unwrap_or(Value::Null);
                self.kept = cells.iter().map(owned).collect();
                return Ok(());
            }
            let columns = match self.columns.take() {
                Some(columns) => columns,
                None => self.put_head(OutColumns::new(resolve(&shape, Some(&cells))))?,
            };
            put_row(self.wire, self.encoding, &columns, &cells).map_err(io_error)?;
            self.columns = Some(columns);
            self.count += 1;
        }
        if self.columns.is_none() && !self.keeps {
            self.put_head(OutColumns::new(resolve(&shape, None)))?;
        }
        Ok(())
    }

    fn put_head(&mut self, columns: OutColumns) -> Result<OutColumns, rusqlite::Error> {
        put_columns(self.wire, &columns, self.status).map_err(io_error)?;
        Ok(columns)
    }
}

fn io_error(error: std::io::Error) -> rusqlite::Error {
    rusqlite::Error::UserFunctionError(Box::new(error))
}

impl Session {
    /// Runs a query and writes its result.
    pub(super) fn read(
        &mut self,
        translated: &Translated,
        values: &[Value],
        deadline: Instant,
    ) -> Result<Answer, SqlError> {
        let status = self.status();
        let killed = self.facts.lock().killed();
        let Self {
            engine,
            wire,
            encoding,
            ..
        } = self;
        let Some(engine) = engine else {
            return Err(SqlError::interrupted());
        };
        let mut reading = Reading {
            wire,
            encoding: *encoding,
            status,
            keeps: !translated.into.is_empty(),
            kept: Vec::new(),
            columns: None,
            count: 0,
        };
        loop {
            match reading.run(engine, &translated.sql, values) {
                Ok(()) => break,
                Err(error) => {
                    let again = is_busy(&error) && reading.count == 0;
                    if !again || killed.is_set() || Instant::now() >= deadline {
                        return Err(sql_error(&error));
                    }
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
        }
        let (kept, count) = (reading.kept, reading.count);
        self.finish_read(translated, kept, count, status)
    }

    fn finish_read(
        &mut self,
        translated: &Translated,
        taken: Vec<Value>,
        count: i64,
        status: StatusFlags,
    ) -> Result<Answer, SqlError> {
        let mut facts = self.facts.lock();
        if !translated.into.is_empty() {
            for (name, value) in translated.into.iter().zip(taken) {
                facts.variables.set_user(name, value);
            }
            return Ok(Answer::Ok(Summary {
                affected: 1,
                ..Summary::default()
            }));
        }
        facts.found_rows = count;
        facts.row_count = -1;
        drop(facts);
        let written = self.wire.packet(|out| put_eof(out, status, 0));
        written.map_err(|error| SqlError::new(1105, error.to_string()))?;
        Ok(Answer::Streamed)
    }
}
