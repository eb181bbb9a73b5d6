//! Where the response of a command ends, told from frame headers and the fewest bytes behind them.
//!
//! The tracker is handed whatever has been read so far and says how much of it may be passed on as
//! it is, and where a whole control packet stands that the session must look at: an OK (rewritten or
//! dropped), an ERR (perhaps retried), the answer to PREPARE. Rows are never assembled. It is plain
//! data: it can be moved to another process between any two reads, in the middle of a row too.
//!
//! The rules for the extra OK of proxy mode are `obmp_packet_sender.cpp`'s: one more OK behind every
//! response that does not itself end in one.

use crate::{CommandKind, FrameHeader, HEADER_LEN, PrepareOk, ProtocolError, Reader, StatusFlags};
use frame::Frame;
use serde::{Deserialize, Serialize};

mod frame;
#[cfg(test)]
mod tests;

/// How a server session frames its responses; fixed at its login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Framing {
    /// Proxy mode: an extra OK ends every response that does not end in OK.
    pub extra_ok: bool,
    /// Proxy capability bit 9: also behind `COM_STATISTICS`.
    pub extra_ok_for_statistics: bool,
    /// Capability `DEPRECATE_EOF` (never with an `OBServer`): OK instead of EOF behind rows.
    pub deprecate_eof: bool,
}

/// A packet that the session looks at as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// An OK of the statement itself.
    Ok,
    /// The extra OK of proxy mode: not for the client.
    ExtraOk,
    /// An ERR.
    Err,
    /// The first packet of the answer to PREPARE.
    PrepareOk,
    /// A request for a local file; the upload follows, then the tracker goes on.
    LocalInfile,
    /// The front of a row, header and first field: only where [`ResponseTracker::stopping_at_rows`] asks
    /// for it. The rest of the row is passed on.
    RowHead,
    /// A request to answer a new salt, inside `COM_CHANGE_USER`.
    AuthSwitch,
}

/// What to do with the bytes at the front of the buffer. The tracker has moved on by that many bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Pass this many bytes on as they are (at least one).
    Forward(usize),
    /// A whole control packet of this many bytes, header included.
    Packet(Control, usize),
    /// Read more first; this many bytes, counted from the front, would be enough to go on.
    More(usize),
    /// The response is over.
    Done,
}

/// The family of responses that a command gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Shape {
    /// OK, ERR, a file request or result sets.
    Results,
    Prepare,
    /// Definitions up to EOF.
    FieldList,
    /// One packet of text.
    Statistics,
    ChangeUser,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Phase {
    /// The first packet of a response or of a further result.
    First,
    /// Column definitions of a result set still to come, then EOF.
    Columns(u64),
    Rows,
    /// Definitions of a PREPARE: of parameters and then of columns, each group ended by EOF.
    Definitions {
        parameters: u16,
        columns: u16,
    },
    /// Definitions of a field list, up to EOF.
    Fields,
    ExtraOk,
    Done,
}

/// Follows one response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResponseTracker {
    framing: Framing,
    shape: Shape,
    phase: Phase,
    /// Payload bytes of the current frame that have not been passed yet.
    in_frame: usize,
    /// The current packet goes on in the next frame.
    continued: bool,
    status: Option<u16>,
    /// The sequence number of the last frame seen.
    sequence: u8,
    /// Whether the front of each row is told apart.
    stops_at_rows: bool,
}

impl ResponseTracker {
    /// A tracker at the start of the response to `command`.
    #[must_use]
    pub fn new(command: CommandKind, framing: Framing) -> Self {
        let (shape, phase) = match command {
            CommandKind::Quit | CommandKind::StmtClose | CommandKind::StmtSendLongData => {
                (Shape::Results, Phase::Done)
            }
            CommandKind::StmtPrepare => (Shape::Prepare, Phase::First),
            // A binary log comes in packets like rows, for as long as it is read.
            CommandKind::StmtFetch | CommandKind::BinlogDump | CommandKind::BinlogDumpGtid => {
                (Shape::Results, Phase::Rows)
            }
            CommandKind::FieldList => (Shape::FieldList, Phase::Fields),
            CommandKind::Statistics => (Shape::Statistics, Phase::First),
            CommandKind::ChangeUser => (Shape::ChangeUser, Phase::First),
            _ => (Shape::Results, Phase::First),
        };
        Self {
            framing,
            shape,
            phase,
            in_frame: 0,
            continued: false,
            status: None,
            sequence: 0,
            stops_at_rows: false,
        }
    }

    /// The same, but the front of each text row comes by itself, to be written anew
    /// ([`crate::put_row_head`]). A first field of more than 250 bytes is passed on with its row.
    #[must_use]
    pub fn stopping_at_rows(self) -> Self {
        Self {
            stops_at_rows: true,
            ..self
        }
    }

    /// Whether the response is over.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.phase == Phase::Done && self.in_frame == 0 && !self.continued
    }

    /// Whether all of the response that is for the client has passed; what is still to come is the
    /// proxy's alone.
    #[must_use]
    pub fn is_over_for_client(&self) -> bool {
        matches!(self.phase, Phase::ExtraOk | Phase::Done) && self.is_between_packets()
    }

    /// Whether the tracker stands between two packets, where an error could still be told in order.
    #[must_use]
    pub fn is_between_packets(&self) -> bool {
        self.in_frame == 0 && !self.continued
    }

    /// The status flags of the last OK or EOF seen; `None` before the first.
    #[must_use]
    pub fn status(&self) -> Option<StatusFlags> {
        self.status.map(StatusFlags::from_bits_retain)
    }

    fn has(&self, flag: StatusFlags) -> bool {
        self.status().is_some_and(|status| status.contains(flag))
    }

    /// The sequence number that a packet of the proxy's own would have behind what has passed.
    #[must_use]
    pub fn next_sequence(&self) -> u8 {
        self.sequence.wrapping_add(1)
    }

    /// Says what to do with the front of `bytes`, which holds everything read and not yet taken.
    ///
    /// # Errors
    /// [`ProtocolError`] for packets that cannot follow here; the connection is of no more use.
    pub fn next(&mut self, bytes: &[u8]) -> Result<Step, ProtocolError> {
        let mut passed = 0;
        loop {
            let rest = bytes.get(passed..).unwrap_or_default();
            if self.in_frame > 0 && !rest.is_empty() {
                let now = self.in_frame.min(rest.len());
                self.in_frame -= now;
                passed += now;
                continue;
            }
            if self.in_frame > 0 {
                return Ok(Self::forward_or(passed, Step::More(1)));
            }
            if self.is_done() {
                return Ok(Self::forward_or(passed, Step::Done));
            }
            let Some(header) = FrameHeader::read(rest) else {
                return Ok(Self::forward_or(passed, Step::More(HEADER_LEN)));
            };
            if self.continued {
                self.enter(header);
                passed += HEADER_LEN;
                continue;
            }
            let behind = rest.get(HEADER_LEN..).unwrap_or_default();
            // What follows the frame must not be taken for its fields.
            let payload = behind.get(..header.payload).unwrap_or(behind);
            // What is in order goes on first; what is wrong behind it is told by the next call.
            let wrong = |error| match passed {
                0 => Err(error),
                _ => Ok(Step::Forward(passed)),
            };
            let frame = match self.classify(header, payload) {
                Ok(frame) => frame,
                Err(error) => return wrong(error),
            };
            match frame {
                Frame::Content(next) => {
                    self.phase = next;
                    self.enter(header);
                    passed += HEADER_LEN;
                }
                Frame::Eof => {
                    if let Err(error) = self.end_of_part(payload) {
                        return wrong(error);
                    }
                    self.sequence = header.sequence;
                    passed += header.frame_len();
                }
                Frame::Unclear(needed) => {
                    return Ok(Self::forward_or(passed, Step::More(HEADER_LEN + needed)));
                }
                Frame::Control(_) | Frame::Row(_) if passed > 0 => {
                    return Ok(Step::Forward(passed));
                }
                Frame::Row(field) => {
                    self.enter(header);
                    self.in_frame -= field;
                    return Ok(Step::Packet(Control::RowHead, HEADER_LEN + field));
                }
                Frame::Control(control) => return self.control(control, header, payload),
            }
        }
    }

    /// Takes back the control packet that was told last, because it is not what it should be and goes
    /// nowhere: the answer is not over, and an error can stand in its place. Behind an answer that the
    /// client has there is no such place.
    pub fn take_back(&mut self, control: Control) {
        if control != Control::ExtraOk {
            self.sequence = self.sequence.wrapping_sub(1);
            self.phase = Phase::First;
        }
    }

    fn forward_or(passed: usize, step: Step) -> Step {
        if passed > 0 {
            Step::Forward(passed)
        } else {
            step
        }
    }

    fn enter(&mut self, header: FrameHeader) {
        self.sequence = header.sequence;
        self.in_frame = header.payload;
        self.continued = header.is_continued();
    }

    /// An EOF has been passed: what it ended, and what comes next.
    fn end_of_part(&mut self, payload: &[u8]) -> Result<(), ProtocolError> {
        let mut reader = Reader::new(payload);
        reader.u8()?;
        // A server before 4.1 sends the mark alone; there is no status to learn then.
        if reader.u16().is_ok() {
            self.status = Some(reader.u16()?);
        }
        self.phase = match self.phase {
            Phase::Columns(_) if self.has(StatusFlags::SERVER_STATUS_CURSOR_EXISTS) => {
                self.end(self.framing.extra_ok)
            }
            Phase::Columns(_) => Phase::Rows,
            Phase::Definitions {
                parameters: 0,
                columns,
            } if columns > 0 => self.phase,
            Phase::Rows if self.has(StatusFlags::SERVER_MORE_RESULTS_EXISTS) => Phase::First,
            Phase::First => Phase::Done,
            _ => self.end(self.framing.extra_ok),
        };
        Ok(())
    }

    fn end(&self, extra_ok: bool) -> Phase {
        if extra_ok && self.framing.extra_ok {
            Phase::ExtraOk
        } else {
            Phase::Done
        }
    }

    fn control(
        &mut self,
        control: Control,
        header: FrameHeader,
        payload: &[u8],
    ) -> Result<Step, ProtocolError> {
        if header.is_continued() {
            let (size, limit) = (header.payload, header.payload - 1);
            return Err(ProtocolError::TooLarge { size, limit });
        }
        let Some(payload) = payload.get(..header.payload) else {
            return Ok(Step::More(header.frame_len()));
        };
        self.sequence = header.sequence;
        self.phase = match control {
            Control::Err => self.end(true),
            Control::LocalInfile | Control::AuthSwitch => Phase::First,
            Control::RowHead => Phase::Rows,
            Control::PrepareOk => {
                let PrepareOk {
                    parameters,
                    columns,
                    ..
                } = PrepareOk::parse(payload)?;
                match (parameters, columns) {
                    (0, 0) => self.end(true),
                    (parameters, columns) => Phase::Definitions {
                        parameters,
                        columns,
                    },
                }
            }
            Control::Ok | Control::ExtraOk => {
                // An open cursor is told by the EOF behind the columns, not by the OK behind that.
                let cursor = StatusFlags::SERVER_STATUS_CURSOR_EXISTS;
                let open = control == Control::ExtraOk && self.has(cursor);
                let kept = if open { cursor.bits() } else { 0 };
                self.status = Some(Self::ok_status(payload)? | kept);
                let more = self.has(StatusFlags::SERVER_MORE_RESULTS_EXISTS);
                if more && control == Control::Ok {
                    Phase::First
                } else {
                    Phase::Done
                }
            }
        };
        Ok(Step::Packet(control, header.frame_len()))
    }

    fn ok_status(payload: &[u8]) -> Result<u16, ProtocolError> {
        let mut reader = Reader::new(payload);
        reader.u8()?;
        reader.lenenc_int()?;
        reader.lenenc_int()?;
        Ok(reader.u16()?)
    }
}
