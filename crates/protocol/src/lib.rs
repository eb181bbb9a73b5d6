//! MySQL and OceanBase wire format: frames, commands, where a response ends, handshake, auth, OK extras.
//!
//! The only crate that knows byte layouts. All of it but [`stream`] works on bytes that are handed
//! in, without I/O, so that every state can be tested at any split and moved between processes.
//! Numbers on the wire are little-endian; "lenenc" is MySQL's length-encoded integer.

pub mod auth;
pub mod capability;
mod change_user;
mod column;
mod command;
mod compression;
mod cursor;
mod error;
mod frame;
mod greeting;
mod infile;
mod login;
mod ok;
mod packet;
mod prepared;
mod response;
mod row;
mod session_change;
pub mod stream;
mod value;

pub use capability::{CapabilityFlags, StatusFlags};
pub use change_user::ChangeUser;
pub use column::{BINARY_COLLATION, Column, ColumnFlags, ColumnType, UTF8MB4_COLLATION};
pub use command::{Command, CommandKind};
pub use compression::Compression;
pub use cursor::{Reader, Truncated, put_lenenc_bytes, put_lenenc_int};
pub use error::ProtocolError;
pub use frame::{
    FrameHeader, HEADER_LEN, MAX_FRAME_PAYLOAD, PacketTracker, finish_frame, put_packet,
    start_frame,
};
pub use greeting::{Greeting, NATIVE_PASSWORD};
pub use infile::InfileTracker;
pub use login::{Attribute, Attributes, HandshakeResponse, LOGIN_MAX};
pub use ok::{OkFormat, OkPacket};
pub use packet::{ErrPacket, put_eof};
pub use prepared::{Bound, ExecuteRequest, ParameterType, PrepareOk, execute_types};
pub use response::{Control, Framing, ResponseTracker, Step};
pub use row::{TextRow, put_binary_row, put_row_head, put_text_row, row_head_value};
pub use session_change::{SessionChange, USER_VARIABLES_MARK};
pub use value::Value;
