//! What a frame of a response is, by where it stands and its first bytes.

use super::{Control, Framing, Phase, ResponseTracker, Shape};
use crate::{FrameHeader, ProtocolError, Reader};

/// What a frame turned out to be.
pub(super) enum Frame {
    /// Content, passed as it comes.
    Content(Phase),
    /// A row whose first field, length included, has this many bytes.
    Row(usize),
    /// An EOF packet, passed as it is.
    Eof,
    Control(Control),
    /// This many bytes of payload are needed to tell.
    Unclear(usize),
}

impl ResponseTracker {
    /// What the frame that starts here is, by its header and what is there of its payload.
    pub(super) fn classify(
        &self,
        header: FrameHeader,
        payload: &[u8],
    ) -> Result<Frame, ProtocolError> {
        /// An EOF packet is shorter than this; a longer one that starts with 0xFE is content.
        const EOF_LIMIT: usize = 9;
        if header.payload == 0 {
            return Err(ProtocolError::Truncated);
        }
        let Some(&first) = payload.first() else {
            return Ok(Frame::Unclear(1));
        };
        let short = first == 0xFE && header.payload < EOF_LIMIT;
        // Behind the end, an error would be taken for the answer to the next command.
        let may_fail = !matches!(self.phase, Phase::ExtraOk | Phase::Done);
        if first == 0xFF && may_fail && self.shape != Shape::Statistics {
            return Ok(Frame::Control(Control::Err));
        }
        let eof = || Self::eof_or_unclear(header, payload);
        let unexpected = |place| ProtocolError::Unexpected { first, place };
        match self.phase {
            Phase::First => self.classify_first(header, payload, first),
            Phase::Rows
                if first == 0xFE && self.framing.deprecate_eof && !header.is_continued() =>
            {
                Ok(Frame::Control(Control::Ok))
            }
            // The EOF between parameters and columns counts as the end of the first group.
            Phase::Columns(0) | Phase::Rows | Phase::Fields | Phase::Definitions { .. }
                if short =>
            {
                Ok(eof())
            }
            Phase::Columns(0) => Err(unexpected("the end of the columns")),
            Phase::Columns(left) => Ok(Frame::Content(match left {
                1 if self.framing.deprecate_eof => Phase::Rows,
                left => Phase::Columns(left - 1),
            })),
            Phase::Rows if self.stops_at_rows => Ok(Self::row(header, payload, first)),
            Phase::Rows => Ok(Frame::Content(Phase::Rows)),
            Phase::Fields => Ok(Frame::Content(Phase::Fields)),
            Phase::Definitions {
                parameters,
                columns,
            } => Self::definition(parameters, columns)
                .map(Frame::Content)
                .ok_or(unexpected("the definitions of a prepared statement")),
            Phase::ExtraOk if first == 0 => Ok(Frame::Control(Control::ExtraOk)),
            Phase::ExtraOk | Phase::Done => Err(unexpected("the end of a response")),
        }
    }

    /// An EOF is at most eight bytes, so it is waited for as a whole.
    fn eof_or_unclear(header: FrameHeader, payload: &[u8]) -> Frame {
        if payload.len() >= header.payload {
            Frame::Eof
        } else {
            Frame::Unclear(header.payload)
        }
    }

    /// A row by its first field, when that is short.
    fn row(header: FrameHeader, payload: &[u8], length: u8) -> Frame {
        const SHORT_MAX: u8 = 250;
        let field = 1 + usize::from(length);
        if length > SHORT_MAX || field > header.payload || header.is_continued() {
            Frame::Content(Phase::Rows)
        } else if payload.len() < field {
            Frame::Unclear(field)
        } else {
            Frame::Row(field)
        }
    }

    fn definition(parameters: u16, columns: u16) -> Option<Phase> {
        match (parameters, columns) {
            (0, 0) => None,
            (0, columns) => Some(Phase::Definitions {
                parameters: 0,
                columns: columns - 1,
            }),
            (parameters, columns) => Some(Phase::Definitions {
                parameters: parameters - 1,
                columns,
            }),
        }
    }

    fn classify_first(
        &self,
        header: FrameHeader,
        payload: &[u8],
        first: u8,
    ) -> Result<Frame, ProtocolError> {
        /// A column count is at most a length-encoded integer of this many bytes.
        const COUNT_MAX: usize = 9;
        let place = "the first packet of a response";
        let unexpected = Err(ProtocolError::Unexpected { first, place });
        match (self.shape, first) {
            (Shape::Statistics, _) => Ok(Frame::Content(match self.framing {
                Framing {
                    extra_ok: true,
                    extra_ok_for_statistics: true,
                    ..
                } => Phase::ExtraOk,
                _ => Phase::Done,
            })),
            (Shape::Prepare, 0) => Ok(Frame::Control(Control::PrepareOk)),
            (_, 0) => Ok(Frame::Control(Control::Ok)),
            (Shape::ChangeUser, 0xFE) => Ok(Frame::Control(Control::AuthSwitch)),
            (Shape::Results, 0xFB) => Ok(Frame::Control(Control::LocalInfile)),
            // COM_SET_OPTION, COM_DEBUG and COM_SHUTDOWN are answered by a bare EOF.
            (Shape::Results, 0xFE) if header.payload < COUNT_MAX => {
                Ok(Self::eof_or_unclear(header, payload))
            }
            (Shape::Results, _) if header.payload > COUNT_MAX => unexpected,
            (Shape::Results, _) if payload.len() < header.payload => {
                Ok(Frame::Unclear(header.payload))
            }
            (Shape::Results, _) => Ok(Frame::Content(Phase::Columns(
                Reader::new(payload).lenenc_int()?,
            ))),
            _ => unexpected,
        }
    }
}
