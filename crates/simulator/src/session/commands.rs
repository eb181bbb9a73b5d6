//! Commands: from a packet to the code that answers it.

use crate::error::{SimulatorError, SqlError};
use crate::lexer::{Token, lex};
use crate::results::OutColumn;
use crate::session::facts::Facts;
use crate::session::login::{Verified, verify};
use crate::session::{Answer, Encoding, Session, Summary, internal};
use crate::variables::Variables;
use odp_protocol::{ChangeUser, Command, CommandKind, auth, put_eof};

impl Session {
    /// Answers one command; false ends the session.
    pub(super) fn command(&mut self, packet: &[u8]) -> Result<bool, SimulatorError> {
        let command = Command::parse(packet)?;
        self.facts.lock().killed().clear();
        self.more_results = false;
        self.encoding = Encoding::Text;
        match command {
            Command::Query(sql) => self.query(sql)?,
            Command::InitDb(name) => {
                let name = String::from_utf8_lossy(name).into_owned();
                let result = self
                    .use_database(&name)
                    .map(|()| Answer::Ok(Summary::default()));
                self.put_result(result)?;
            }
            Command::Prepare(sql) => self.prepare(sql)?,
            Command::Execute(id) => self.execute(id, packet)?,
            Command::SendLongData(id) => self.long_data(id, packet),
            Command::Close(id) => {
                self.prepared.remove(&id);
            }
            Command::Reset(id) => self.reset_prepared(id)?,
            Command::Fetch(_) => self.put_failure(&SqlError::new(1243, "Unknown cursor"))?,
            Command::ProcessKill(id) => {
                let result = self.kill(id, true);
                self.put_result(result)?;
            }
            Command::Other(CommandKind::Quit) => return Ok(false),
            Command::Other(kind) => return self.other(kind, packet),
        }
        Ok(true)
    }

    fn other(&mut self, kind: CommandKind, packet: &[u8]) -> Result<bool, SimulatorError> {
        let body = packet.get(1..).unwrap_or_default();
        match kind {
            // A real engine answers SET_OPTION by an OK, not by an EOF as MySQL does.
            CommandKind::Ping | CommandKind::SetOption => self.put_ok(&Summary::default())?,
            CommandKind::FieldList => self.field_list(body)?,
            CommandKind::Statistics => {
                self.wire
                    .packet(|out| out.extend_from_slice(b"Active threads not support"))?;
                self.put_extra_ok()?;
            }
            CommandKind::ResetConnection => {
                self.reset_connection()?;
                self.put_ok(&Summary::default())?;
            }
            CommandKind::ChangeUser => return self.change_user(packet),
            CommandKind::ProcessInfo => self.query(b"show processlist")?,
            CommandKind::CreateDb | CommandKind::DropDb => {
                let verb = if kind == CommandKind::CreateDb {
                    "CREATE"
                } else {
                    "DROP"
                };
                let name = String::from_utf8_lossy(body).into_owned();
                self.query(format!("{verb} DATABASE `{name}`").as_bytes())?;
            }
            _ => self.put_failure(&SqlError::unsupported())?,
        }
        Ok(true)
    }

    /// Answers a text of one or more statements.
    pub(super) fn query(&mut self, sql: &[u8]) -> Result<(), SimulatorError> {
        *self.handle.running.lock() = Some(String::from_utf8_lossy(sql).into_owned());
        let result = self.statements(sql);
        *self.handle.running.lock() = None;
        result
    }

    fn statements(&mut self, sql: &[u8]) -> Result<(), SimulatorError> {
        let lexed = match lex(sql) {
            Ok(lexed) => lexed,
            Err(error) => return self.put_failure(&error),
        };
        let parts: Vec<&[Token]> = lexed
            .tokens
            .split(|token| token.is_symbol(";"))
            .filter(|part| !part.is_empty())
            .collect();
        if parts.is_empty() {
            return self.put_failure(&SqlError::new(1065, "Query was empty"));
        }
        for (index, part) in parts.iter().enumerate() {
            self.more_results = index + 1 < parts.len();
            let result = self.statement(sql, part, lexed.weak_read);
            let failed = result.is_err();
            self.put_result(result)?;
            if failed {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Writes an answer or an error.
    pub(super) fn put_result(
        &mut self,
        result: Result<Answer, SqlError>,
    ) -> Result<(), SimulatorError> {
        match result {
            Ok(answer) => self.put_answer(answer),
            Err(error) => self.put_failure(&error),
        }
    }

    fn field_list(&mut self, body: &[u8]) -> Result<(), SimulatorError> {
        let table = body.split(|byte| *byte == 0).next().unwrap_or_default();
        let table = String::from_utf8_lossy(table).into_owned();
        let (tenant, database) = (self.tenant(), self.database());
        let Some(found) = self
            .node
            .shared
            .catalogue
            .table(&tenant, &database, &table)?
        else {
            return self.put_failure(&SqlError::no_table(&database, &table));
        };
        for column in &found.definition.columns {
            let out_column = OutColumn::declared(&column.name, &column.column_type);
            self.wire.packet(|out| {
                out_column.column.put(out);
                // A column definition of COM_FIELD_LIST ends in its default value; 0xFB is NULL.
                out.extend_from_slice(&[0xFB]);
            })?;
        }
        let status = self.status();
        self.wire.packet(|out| put_eof(out, status, 0))?;
        self.put_extra_ok()
    }

    fn reset_connection(&mut self) -> Result<(), SimulatorError> {
        self.abandon();
        self.prepared.clear();
        self.named.clear();
        let tenant = self.tenant();
        let variables = Variables::new(self.node.shared.catalogue.globals(&tenant)?);
        let mut facts = self.facts.lock();
        // A real engine keeps the counts of rows.
        *facts = Facts {
            variables,
            last_insert_id: 0,
            ..facts.clone()
        };
        Ok(())
    }

    fn change_user(&mut self, packet: &[u8]) -> Result<bool, SimulatorError> {
        let request = ChangeUser::parse(packet, self.capabilities)?;
        let mut proof = request.auth;
        if !self.proxy || !request.plugin.is_empty() {
            let salt = self.salt;
            self.wire
                .packet(|out| auth::put_switch_to_native(out, &salt))?;
            self.wire.flush()?;
            let Some(answer) = self.wire.read()? else {
                return Ok(false);
            };
            proof = answer;
        }
        let host = self.facts.lock().client_host.clone();
        let checked = verify(&self.node.shared, &request.user, &proof, &self.salt, &host)?;
        let Verified {
            account,
            tenant,
            tenant_id,
        } = match checked {
            Ok(verified) => verified,
            Err(error) => {
                self.put_failure(&error)?;
                self.wire.flush()?;
                return Ok(false);
            }
        };
        self.engine = None;
        self.reset_connection()?;
        {
            let mut facts = self.facts.lock();
            facts.account = account.name;
            facts.account_id = account.id;
            facts.tenant.clone_from(&tenant);
            facts.tenant_id = tenant_id;
            facts.row_count = -1;
            facts.found_rows = 1;
            facts.database.clear();
            facts.variables = Variables::new(self.node.shared.catalogue.globals(&tenant)?);
        }
        let database = String::from_utf8_lossy(&request.database).into_owned();
        if !database.is_empty()
            && let Err(error) = self.use_database(&database)
        {
            self.put_failure(&error)?;
            return Ok(true);
        }
        self.put_login_ok()?;
        Ok(true)
    }

    /// KILL: one statement, or the whole connection.
    pub(super) fn kill(&mut self, id: u32, connection: bool) -> Result<Answer, SqlError> {
        let mut found = self.node.shared.sessions();
        found.retain(|session| [session.identity.visible_id, session.identity.id].contains(&id));
        let tenant = self.tenant();
        if !found
            .iter()
            .any(|session| session.identity.tenant == tenant || tenant == "sys")
        {
            return Err(SqlError::new(1094, format!("Unknown thread id: {id}")));
        }
        let count = found.len();
        found.retain(|session| session.identity.id != self.handle.identity.id);
        let own = found.len() < count;
        if connection {
            self.node.shared.kill(found);
            if own {
                return Err(SqlError::interrupted());
            }
        } else {
            self.node.shared.kill_queries(&found);
        }
        Ok(Answer::Ok(Summary::default()))
    }

    /// Ends the transaction without a trace.
    pub(super) fn abandon(&mut self) {
        if self.turn.is_some()
            && let Some(engine) = &self.engine
        {
            // A connection whose rollback fails is of no more use.
            if engine.connection.execute_batch("ROLLBACK").is_err() {
                self.engine = None;
            }
        }
        self.end_turn();
        self.in_transaction = false;
    }

    /// A setting of the session, with failures of the catalogue as the client sees them.
    pub(super) fn catalogue_result<T>(result: Result<T, SimulatorError>) -> Result<T, SqlError> {
        result.map_err(|error| internal(&error))
    }
}
