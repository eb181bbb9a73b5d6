//! A client of the engine for the simulator's own questions: text statements, whole results.

use super::wire::EngineWire;
use crate::error::{SimulatorError, SqlError};
use bytes::{Bytes, BytesMut};
use odp_protocol::{
    Attributes, CapabilityFlags, Column, CommandKind, ErrPacket, Greeting, HEADER_LEN,
    HandshakeResponse, NATIVE_PASSWORD, Reader, TextRow,
};
use std::net::SocketAddr;

/// A result: its columns and rows.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) columns: Vec<Column>,
    pub(super) rows: Vec<Vec<Option<Vec<u8>>>>,
}

/// A logged-in connection.
#[derive(Debug)]
pub(super) struct Client {
    wire: EngineWire,
}

impl Client {
    /// Logs in as an account without a password.
    ///
    /// # Errors
    /// [`SimulatorError::Statement`] when the engine refuses.
    pub(super) fn login(addr: SocketAddr, user: &str) -> Result<Self, SimulatorError> {
        let mut client = Self {
            wire: EngineWire::connect(addr)?,
        };
        let greeting = Greeting::parse(&client.payload()?)?;
        let wanted = CapabilityFlags::CLIENT_PROTOCOL_41
            | CapabilityFlags::CLIENT_SECURE_CONNECTION
            | CapabilityFlags::CLIENT_PLUGIN_AUTH;
        let response = HandshakeResponse {
            capabilities: wanted & greeting.capabilities,
            max_packet: 1 << 24,
            collation: 45,
            user: user.as_bytes().to_vec(),
            auth: Vec::new(),
            database: None,
            plugin: NATIVE_PASSWORD.to_owned(),
            attributes: Attributes::default(),
        };
        let mut packet = BytesMut::new();
        response.put(&mut packet);
        client.wire.send(1, &packet)?;
        client.payload()?;
        Ok(client)
    }

    /// Runs a statement; one without a result gives an empty table.
    ///
    /// # Errors
    /// [`SimulatorError::Statement`] for an error of the engine.
    pub(super) fn query(&mut self, sql: &str) -> Result<Table, SimulatorError> {
        let mut command = vec![CommandKind::Query.byte()];
        command.extend_from_slice(sql.as_bytes());
        self.wire.send(0, &command)?;
        let head = self.payload()?;
        let mut table = Table::default();
        if head.first() == Some(&0) {
            return Ok(table);
        }
        let columns = Reader::new(&head).lenenc_int();
        for _ in 0..columns.map_err(odp_protocol::ProtocolError::from)? {
            table.columns.push(Column::parse(&self.payload()?)?);
        }
        self.payload()?;
        loop {
            let packet = self.payload()?;
            if packet.first() == Some(&0xFE) && packet.len() < 9 {
                return Ok(table);
            }
            let values = TextRow::new(&packet).map(|value| Ok(value?.map(<[u8]>::to_vec)));
            let values: Result<_, odp_protocol::ProtocolError> = values.collect();
            table.rows.push(values?);
        }
    }

    /// The next packet, which is no error.
    fn payload(&mut self) -> Result<Bytes, SimulatorError> {
        let (_, mut frame) = self.wire.packet()?;
        let payload = frame.split_off(HEADER_LEN);
        if payload.first() == Some(&0xFF) {
            let error = ErrPacket::parse(&payload)?;
            return Err(SqlError::new(error.code, String::from_utf8_lossy(&error.message)).into());
        }
        Ok(payload)
    }
}
