//! Transactions: reads run outside SQLite's until the first write, which waits its turn.

use crate::engine::write_queue::WriteQueue;
use crate::engine::{is_busy, sql_error};
use crate::error::SqlError;
use crate::session::{Answer, Session, Summary};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Between two attempts to get a lock that another process holds.
const PAUSE: Duration = Duration::from_millis(1);

impl Session {
    /// BEGIN: ends what was open; the engine's own transaction waits for the first write.
    pub(super) fn begin(&mut self) -> Result<Answer, SqlError> {
        self.commit()?;
        if let Some(engine) = &mut self.engine {
            engine.forget_dropped()?;
        }
        self.in_transaction = true;
        Ok(Answer::Ok(Summary::default()))
    }

    /// COMMIT, also the implicit one of DDL.
    pub(super) fn commit(&mut self) -> Result<Answer, SqlError> {
        self.end("COMMIT")
    }

    /// ROLLBACK.
    pub(super) fn rollback(&mut self) -> Result<Answer, SqlError> {
        self.end("ROLLBACK")
    }

    fn end(&mut self, sql: &str) -> Result<Answer, SqlError> {
        let writes = self.turn.is_some();
        self.in_transaction = false;
        self.next_transaction_is_usual();
        if writes {
            let result = self.engine()?.connection.execute_batch(sql);
            if let Err(error) = result {
                self.abandon();
                return Err(sql_error(&error));
            }
            self.end_turn();
        }
        Ok(Answer::Ok(Summary::default()))
    }

    /// `SET TRANSACTION` holds for one transaction only.
    fn next_transaction_is_usual(&mut self) {
        let mut facts = self.facts.lock();
        if facts.variables.is_on("ob_proxy_set_trx_executed") {
            facts.variables.set("ob_proxy_set_trx_executed", "OFF");
        }
    }

    /// Marks a transaction as begun when autocommit is off.
    pub(super) fn touch_data(&mut self) {
        if !self.facts.lock().variables.is_on("autocommit") {
            self.in_transaction = true;
        }
    }

    /// How long a statement may wait for others.
    pub(super) fn deadline(&self) -> Instant {
        let timeout = self.facts.lock().variables.number("ob_query_timeout");
        let timeout = Duration::from_micros(timeout.max(1));
        Instant::now() + self.node.shared.lock_wait.min(timeout)
    }

    /// Takes the turn to write; inside a transaction it is kept until the end.
    pub(super) fn start_writing(&mut self, deadline: Instant) -> Result<(), SqlError> {
        if self.turn.is_some() {
            return Ok(());
        }
        let queue = self.node.shared.queue(&self.tenant());
        let killed = self.facts.lock().killed();
        let turn = WriteQueue::wait(&queue, deadline, || killed.is_set());
        let Some(turn) = turn else {
            return Err(if killed.is_set() {
                SqlError::interrupted()
            } else {
                SqlError::lock_timeout()
            });
        };
        if self.in_transaction {
            self.retry(deadline, |session| session.run("BEGIN IMMEDIATE"))?;
        }
        self.turn = Some(turn);
        self.handle.writing.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Gives the turn to the next writer, unless a transaction needs it.
    pub(super) fn stop_writing(&mut self) {
        if !self.in_transaction {
            self.end_turn();
        }
    }

    fn run(&mut self, sql: &str) -> Result<(), rusqlite::Error> {
        match self.engine() {
            Ok(engine) => engine.connection.execute_batch(sql),
            Err(error) => Err(rusqlite::Error::UserFunctionError(Box::new(error))),
        }
    }

    /// Tries again as long as another process holds a lock.
    pub(super) fn retry<T>(
        &mut self,
        deadline: Instant,
        mut attempt: impl FnMut(&mut Self) -> Result<T, rusqlite::Error>,
    ) -> Result<T, SqlError> {
        let killed = self.facts.lock().killed();
        loop {
            match attempt(self) {
                Err(error) if is_busy(&error) && Instant::now() < deadline && !killed.is_set() => {
                    std::thread::sleep(PAUSE);
                }
                Err(_) if killed.is_set() => return Err(SqlError::interrupted()),
                result => return result.map_err(|error| sql_error(&error)),
            }
        }
    }

    /// SAVEPOINT, ROLLBACK TO and RELEASE.
    pub(super) fn savepoint(&mut self, verb: &str, name: &str) -> Result<Answer, SqlError> {
        if !self.in_transaction {
            if verb == "SAVEPOINT" && self.facts.lock().variables.is_on("autocommit") {
                return Ok(Answer::Ok(Summary::default()));
            }
            self.in_transaction = true;
        }
        let database = self.database();
        if !database.is_empty() {
            self.engine()?.attach([database.as_str()])?;
        }
        let deadline = self.deadline();
        self.start_writing(deadline)?;
        let sql = format!(
            "{verb} {}",
            crate::translate::quote_name(&name.to_ascii_lowercase())
        );
        let result = self.engine()?.connection.execute_batch(&sql);
        result.map_err(|_| SqlError::new(1305, format!("SAVEPOINT {name} does not exist")))?;
        Ok(Answer::Ok(Summary::default()))
    }
}
