//! Passes an answer of the engine on, and looks at what it says on the way.

use super::session::Relayed;
use super::statement::{Prepared, Statement};
use crate::error::SimulatorError;
use crate::session::bindings::Bindings;
use bytes::BytesMut;
use odp_protocol::{
    CommandKind, Control, FrameHeader, HEADER_LEN, OkPacket, PrepareOk, ResponseTracker,
    SessionChange, StatusFlags, Step, finish_frame, start_frame,
};
use std::sync::atomic::Ordering;

/// What an answer has come to so far.
#[derive(Debug, Default)]
struct Outcome {
    failed: bool,
    prepared: Option<PrepareOk>,
}

impl Relayed {
    /// Passes the answer to a command on; false when it is an error.
    pub(super) fn relay(&mut self, kind: CommandKind) -> Result<bool, SimulatorError> {
        Ok(!self.pass(kind)?.failed)
    }

    /// Passes the answer to a PREPARE on.
    pub(super) fn relay_prepare(&mut self, statement: Statement) -> Result<bool, SimulatorError> {
        let outcome = self.pass(CommandKind::StmtPrepare)?;
        if let Some(answer) = outcome.prepared {
            let bindings = Bindings::new(answer.parameters);
            let prepared = Prepared {
                statement,
                bindings,
            };
            self.prepared.insert(answer.statement, prepared);
        }
        Ok(!outcome.failed)
    }

    fn pass(&mut self, kind: CommandKind) -> Result<Outcome, SimulatorError> {
        let mut tracker = ResponseTracker::new(kind, self.framing);
        let mut outcome = Outcome::default();
        loop {
            match tracker.next(self.engine.unread())? {
                Step::Done => return Ok(outcome),
                Step::More(_) => self.engine.more()?,
                Step::Forward(count) => {
                    let frames = self.engine.take(count);
                    self.client.pass(&frames)?;
                }
                Step::Packet(control, count) => {
                    let frame = self.engine.take(count);
                    let payload = frame.get(HEADER_LEN..).unwrap_or_default();
                    match control {
                        Control::Ok | Control::ExtraOk => {
                            self.pass_ok(&frame, tracker.is_done())?;
                            continue;
                        }
                        Control::Err => outcome.failed = true,
                        Control::PrepareOk => outcome.prepared = Some(PrepareOk::parse(payload)?),
                        Control::LocalInfile | Control::AuthSwitch | Control::RowHead => {}
                    }
                    self.client.pass(&frame)?;
                    match control {
                        Control::LocalInfile => while self.ask_client()? {},
                        Control::AuthSwitch => drop(self.ask_client()?),
                        _ => {}
                    }
                }
            }
        }
    }

    /// Takes the client's next packet to the engine; false when it is empty.
    fn ask_client(&mut self) -> Result<bool, SimulatorError> {
        self.client.flush()?;
        let answer = self.client.read()?;
        let answer = answer.ok_or(std::io::Error::from(std::io::ErrorKind::UnexpectedEof))?;
        self.engine.forward(&self.client, &answer)?;
        Ok(!answer.is_empty())
    }

    /// Reads an OK; the last one of an answer tells a proxy of a miss as well.
    fn pass_ok(&mut self, frame: &[u8], last: bool) -> Result<(), SimulatorError> {
        let payload = frame.get(HEADER_LEN..).unwrap_or_default();
        let ok = OkPacket::parse(payload, self.format)?;
        self.status = ok.status;
        let in_transaction = ok.status.contains(StatusFlags::SERVER_STATUS_IN_TRANS);
        self.handle.writing.store(in_transaction, Ordering::Relaxed);
        let mut changes = Vec::new();
        SessionChange::parse_all(ok.changes, |change| changes.push(change))?;
        for change in &changes {
            self.learn(change);
        }
        if !last {
            return Ok(self.client.pass(frame)?);
        }
        if self.defines {
            self.node.shared.follow_engine();
        }
        let Some(header) =
            FrameHeader::read(frame).filter(|_| self.framing.extra_ok && self.missed)
        else {
            return Ok(self.client.pass(frame)?);
        };
        let schemas = changes
            .iter()
            .filter(|change| matches!(change, SessionChange::Schema(_)));
        let miss = SessionChange::System {
            name: b"ob_proxy_partition_hit",
            value: b"OFF",
        };
        let others = changes
            .iter()
            .filter(|change| !matches!(change, SessionChange::Schema(_)));
        let all: Vec<_> = schemas
            .chain(std::iter::once(&miss))
            .chain(others)
            .copied()
            .collect();
        let mut records = BytesMut::new();
        SessionChange::put_for_proxy(&all, &mut records);
        let mut out = BytesMut::new();
        let start = start_frame(&mut out);
        let told = OkPacket {
            changes: &records,
            ..ok
        };
        told.put(&mut out, self.format);
        finish_frame(&mut out, start, header.sequence);
        Ok(self.client.pass(&out)?)
    }

    fn learn(&mut self, change: &SessionChange<'_>) {
        match *change {
            SessionChange::Schema(name) => {
                self.database = String::from_utf8_lossy(name).to_ascii_lowercase();
            }
            SessionChange::System { name, value } => match name {
                b"ob_read_consistency" => self.weak = [&b"WEAK"[..], b"2"].contains(&value),
                b"ob_last_schema_version" => self.defines = true,
                _ => {}
            },
            SessionChange::User { .. } => {}
        }
    }
}
