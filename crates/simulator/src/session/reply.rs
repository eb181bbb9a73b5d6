//! Writes answers: OK, ERR, result sets, and what a proxy gets on top.

use crate::error::{SimulatorError, SqlError};
use crate::results::OutColumns;
use crate::session::wire::Wire;
use crate::session::{Answer, Encoding, Session, Summary};
use crate::variables::Changes;
use bytes::BytesMut;
use odp_protocol::{
    ErrPacket, OkFormat, OkPacket, SessionChange, StatusFlags, Value as WireValue, put_binary_row,
    put_eof, put_text_row,
};
use rusqlite::types::ValueRef;
use std::io;
use std::sync::atomic::Ordering;

/// Writes an error.
pub(crate) fn put_error(out: &mut BytesMut, error: &SqlError) {
    let mut state = *b"HY000";
    if error.state.len() == state.len() {
        state.copy_from_slice(error.state.as_bytes());
    }
    ErrPacket::new(error.code, &state, error.message.clone()).put(out);
}

/// Writes one row.
pub(super) fn put_row(
    wire: &mut Wire,
    encoding: Encoding,
    columns: &OutColumns,
    values: &[ValueRef<'_>],
) -> io::Result<()> {
    let cells = columns.formats.iter().zip(values);
    let texts: Vec<Option<Vec<u8>>> = cells
        .clone()
        .map(|(column, value)| column.text_value(*value))
        .collect();
    wire.packet(|out| match encoding {
        Encoding::Text => put_text_row(out, texts.iter().map(Option::as_deref)),
        Encoding::Binary => {
            let binary: Vec<WireValue<'_>> = cells
                .zip(&texts)
                .map(|((column, value), text)| column.binary_value(*value, text.as_deref()))
                .collect();
            put_binary_row(out, &columns.wire, &binary);
        }
    })
}

/// Writes the head of a result set.
pub(super) fn put_columns(
    wire: &mut Wire,
    columns: &OutColumns,
    status: StatusFlags,
) -> io::Result<()> {
    wire.packet(|out| odp_protocol::put_lenenc_int(out, columns.wire.len() as u64))?;
    for column in &columns.wire {
        wire.packet(|out| column.put(out))?;
    }
    wire.packet(|out| put_eof(out, status, 0))
}

impl Session {
    /// The status of an EOF packet: transaction, autocommit, more results.
    pub(super) fn status(&self) -> StatusFlags {
        let autocommit = self.facts.lock().variables.is_on("autocommit");
        let mut status = StatusFlags::empty();
        status.set(StatusFlags::SERVER_STATUS_IN_TRANS, self.in_transaction);
        status.set(StatusFlags::SERVER_STATUS_AUTOCOMMIT, autocommit);
        status.set(StatusFlags::SERVER_MORE_RESULTS_EXISTS, self.more_results);
        status
    }

    /// Writes an answer; with more results to follow, the extra OK waits for the last.
    pub(super) fn put_answer(&mut self, answer: Answer) -> Result<(), SimulatorError> {
        match answer {
            Answer::Ok(summary) => {
                self.facts.lock().row_count = i64::try_from(summary.affected).unwrap_or(i64::MAX);
                return self.put_ok(&summary);
            }
            Answer::Table(columns, rows) => {
                let columns = OutColumns::new(columns);
                let status = self.status();
                put_columns(&mut self.wire, &columns, status)?;
                for row in &rows {
                    let values: Vec<ValueRef<'_>> = row.iter().map(ValueRef::from).collect();
                    put_row(&mut self.wire, self.encoding, &columns, &values)?;
                }
                self.wire.packet(|out| put_eof(out, status, 0))?;
                let count = i64::try_from(rows.len()).unwrap_or(i64::MAX);
                let mut facts = self.facts.lock();
                facts.found_rows = count;
                facts.row_count = -1;
            }
            Answer::Streamed => {}
        }
        self.put_extra_ok()
    }

    /// Writes an error with the OK that a proxy gets behind it.
    pub(super) fn put_failure(&mut self, error: &SqlError) -> Result<(), SimulatorError> {
        let is_killed = error.code == SqlError::interrupted().code
            && self.handle.doomed.load(Ordering::Relaxed);
        let killed = SqlError::session_interrupted();
        let error = if is_killed { &killed } else { error };
        self.warnings = vec![(error.code, error.message.clone())];
        self.facts.lock().row_count = -1;
        self.wire.packet(|out| put_error(out, error))?;
        self.more_results = false;
        if self.proxy {
            self.facts
                .lock()
                .variables
                .announce("ob_statement_trace_id", "Y0-0000000000000000-0-0");
        }
        self.put_extra_ok()
    }

    /// The OK that ends every response to a proxy that does not end in one.
    pub(super) fn put_extra_ok(&mut self) -> Result<(), SimulatorError> {
        if self.proxy && !self.more_results {
            return self.put_ok(&Summary::default());
        }
        Ok(())
    }

    /// Writes an OK with everything that has changed, unless more results follow.
    pub(super) fn put_ok(&mut self, summary: &Summary) -> Result<(), SimulatorError> {
        let mut records = BytesMut::new();
        if !self.more_results {
            let changes = self.take_changes();
            let schema = self.database_changed.then(|| self.database());
            self.database_changed = false;
            self.put_changes(&changes, schema.as_deref(), &mut records);
        }
        let info = if summary.info.is_empty() {
            String::new()
        } else {
            format!(" {}", summary.info)
        };
        let packet = OkPacket {
            affected_rows: summary.affected,
            last_insert_id: summary.insert_id,
            status: self.status() | StatusFlags::SERVER_STATUS_NO_INDEX_USED,
            warnings: 0,
            info: info.as_bytes(),
            changes: &records,
        };
        let format = self.format;
        Ok(self.wire.packet(|out| packet.put(out, format))?)
    }

    fn take_changes(&mut self) -> Changes {
        let mut facts = self.facts.lock();
        if std::mem::take(&mut self.missed) {
            facts.variables.announce("ob_proxy_partition_hit", "OFF");
        }
        facts.variables.take_changes()
    }

    fn put_changes(&self, changes: &Changes, schema: Option<&str>, out: &mut BytesMut) {
        if self.format == OkFormat::Plain {
            return;
        }
        let mut list: Vec<SessionChange<'_>> = Vec::new();
        list.extend(schema.map(|name| SessionChange::Schema(name.as_bytes())));
        list.extend(
            changes
                .system
                .iter()
                .map(|(name, value)| SessionChange::System {
                    name: name.as_bytes(),
                    value: value.as_bytes(),
                }),
        );
        if self.proxy {
            list.extend(
                changes
                    .user
                    .iter()
                    .map(|(name, value)| SessionChange::User {
                        name: name.as_bytes(),
                        value: value.as_bytes(),
                    }),
            );
        }
        match (list.is_empty(), self.proxy) {
            (true, _) => {}
            (false, true) => SessionChange::put_for_proxy(&list, out),
            (false, false) => SessionChange::put_for_client(&list, out),
        }
    }

    /// The OK of a login: to a proxy, with every system variable.
    pub(super) fn put_login_ok(&mut self) -> Result<(), SimulatorError> {
        if self.proxy {
            let all = self.facts.lock().variables.all();
            self.take_changes();
            let mut records = BytesMut::new();
            let user = vec![("_min_cluster_version".to_owned(), "'4.3.5.1'".to_owned())];
            let schema = Some(self.database()).filter(|name| !name.is_empty());
            self.database_changed = false;
            self.put_changes(
                &Changes { system: all, user },
                schema.as_deref(),
                &mut records,
            );
            let packet = OkPacket {
                status: self.status() | StatusFlags::SERVER_STATUS_NO_INDEX_USED,
                changes: &records,
                ..OkPacket::default()
            };
            let format = self.format;
            return Ok(self.wire.packet(|out| packet.put(out, format))?);
        }
        self.take_changes();
        self.put_ok(&Summary::default())
    }
}
