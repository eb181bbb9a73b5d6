//! Commands: the first byte of a client's packet, and what the proxy reads of the rest.

use crate::{ProtocolError, Reader};
use serde::{Deserialize, Serialize};

/// The command byte (MySQL manual, "Command Phase").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are those of the MySQL manual")]
pub enum CommandKind {
    Sleep,
    Quit,
    InitDb,
    Query,
    FieldList,
    CreateDb,
    DropDb,
    Refresh,
    Shutdown,
    Statistics,
    ProcessInfo,
    Connect,
    ProcessKill,
    Debug,
    Ping,
    Time,
    DelayedInsert,
    ChangeUser,
    BinlogDump,
    TableDump,
    ConnectOut,
    RegisterSlave,
    StmtPrepare,
    StmtExecute,
    StmtSendLongData,
    StmtClose,
    StmtReset,
    SetOption,
    StmtFetch,
    Daemon,
    BinlogDumpGtid,
    ResetConnection,
    /// A byte that is no command of MySQL 5.6.
    Unknown(u8),
}

impl CommandKind {
    const ORDER: [Self; 32] = {
        use CommandKind as K;
        [
            K::Sleep,
            K::Quit,
            K::InitDb,
            K::Query,
            K::FieldList,
            K::CreateDb,
            K::DropDb,
            K::Refresh,
            K::Shutdown,
            K::Statistics,
            K::ProcessInfo,
            K::Connect,
            K::ProcessKill,
            K::Debug,
            K::Ping,
            K::Time,
            K::DelayedInsert,
            K::ChangeUser,
            K::BinlogDump,
            K::TableDump,
            K::ConnectOut,
            K::RegisterSlave,
            K::StmtPrepare,
            K::StmtExecute,
            K::StmtSendLongData,
            K::StmtClose,
            K::StmtReset,
            K::SetOption,
            K::StmtFetch,
            K::Daemon,
            K::BinlogDumpGtid,
            K::ResetConnection,
        ]
    };

    /// The command of this byte.
    #[must_use]
    pub fn from_byte(byte: u8) -> Self {
        Self::ORDER
            .get(usize::from(byte))
            .copied()
            .unwrap_or(Self::Unknown(byte))
    }

    /// The byte of this command.
    ///
    /// # Panics
    /// Never: every known command stands in the order.
    #[must_use]
    pub fn byte(self) -> u8 {
        match self {
            Self::Unknown(byte) => byte,
            known => Self::ORDER
                .iter()
                .position(|&kind| kind == known)
                .and_then(|position| u8::try_from(position).ok())
                .expect("every known command stands in the order"),
        }
    }
}

/// A command with the parts that the proxy looks at, borrowed from the packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command<'a> {
    /// `COM_QUERY`: the text.
    Query(&'a [u8]),
    /// `COM_INIT_DB`: the database.
    InitDb(&'a [u8]),
    /// `COM_STMT_PREPARE`: the text.
    Prepare(&'a [u8]),
    /// `COM_STMT_EXECUTE` of this statement.
    Execute(u32),
    /// `COM_STMT_FETCH` from this statement.
    Fetch(u32),
    /// `COM_STMT_SEND_LONG_DATA` for this statement.
    SendLongData(u32),
    /// `COM_STMT_CLOSE` of this statement.
    Close(u32),
    /// `COM_STMT_RESET` of this statement.
    Reset(u32),
    /// `COM_PROCESS_KILL` of this connection.
    ProcessKill(u32),
    /// Any other command.
    Other(CommandKind),
}

impl<'a> Command<'a> {
    /// Reads the front of a command packet; a packet that spans frames may be read from its first one.
    ///
    /// # Errors
    /// [`ProtocolError::Truncated`] for an empty packet or one that is too short for its command.
    pub fn parse(payload: &'a [u8]) -> Result<Self, ProtocolError> {
        let mut reader = Reader::new(payload);
        let kind = CommandKind::from_byte(reader.u8()?);
        Ok(match kind {
            CommandKind::Query => Self::Query(reader.rest()),
            CommandKind::InitDb => Self::InitDb(reader.rest()),
            CommandKind::StmtPrepare => Self::Prepare(reader.rest()),
            CommandKind::StmtExecute => Self::Execute(reader.u32()?),
            CommandKind::StmtFetch => Self::Fetch(reader.u32()?),
            CommandKind::StmtSendLongData => Self::SendLongData(reader.u32()?),
            CommandKind::StmtClose => Self::Close(reader.u32()?),
            CommandKind::StmtReset => Self::Reset(reader.u32()?),
            CommandKind::ProcessKill => Self::ProcessKill(reader.u32()?),
            other => Self::Other(other),
        })
    }

    /// The command's kind.
    #[must_use]
    pub fn kind(&self) -> CommandKind {
        match self {
            Self::Query(_) => CommandKind::Query,
            Self::InitDb(_) => CommandKind::InitDb,
            Self::Prepare(_) => CommandKind::StmtPrepare,
            Self::Execute(_) => CommandKind::StmtExecute,
            Self::Fetch(_) => CommandKind::StmtFetch,
            Self::SendLongData(_) => CommandKind::StmtSendLongData,
            Self::Close(_) => CommandKind::StmtClose,
            Self::Reset(_) => CommandKind::StmtReset,
            Self::ProcessKill(_) => CommandKind::ProcessKill,
            Self::Other(kind) => *kind,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_its_own_command() {
        for byte in 0..=u8::MAX {
            assert_eq!(CommandKind::from_byte(byte).byte(), byte);
        }
    }

    #[test]
    fn a_short_command_is_an_error() {
        assert_eq!(Command::parse(b""), Err(ProtocolError::Truncated));
        assert_eq!(
            Command::parse(&[0x17, 1, 0, 0]),
            Err(ProtocolError::Truncated)
        );
        assert_eq!(
            Command::parse(b"\x03select 1"),
            Ok(Command::Query(b"select 1"))
        );
        assert_eq!(
            Command::parse(&[0x17, 1, 0, 0, 0, 9]),
            Ok(Command::Execute(1))
        );
    }
}
