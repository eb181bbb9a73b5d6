//! Prepared statements of the binary protocol, as far as parameters and columns are texts; and
//! `COM_CHANGE_USER`.

use super::{Connection, EOF, Row, row, scramble};
use crate::Failure;

/// How an EXECUTE wants its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// All at once.
    AtOnce,
    /// By a cursor, as far as the server has them.
    ByCursor,
}

impl Connection {
    /// Prepares a statement and gives its id.
    ///
    /// # Errors
    /// [`Failure::Server`] for an error packet; I/O failures otherwise.
    pub fn prepare(&mut self, sql: &str) -> Result<u32, Failure> {
        self.write_packet(0, &[&[COM_STMT_PREPARE], sql.as_bytes()].concat())?;
        let (_, answer) = self.read_packet()?;
        Self::check(&answer)?;
        let [_, a, b, c, d, columns @ ..] = &answer[..] else {
            return Err(Failure::answer("prepare", format!("{answer:02x?}")));
        };
        for count in columns.chunks(2).take(2).filter(|count| *count != [0, 0]) {
            let count = u16::from_le_bytes(count.try_into().unwrap_or_default());
            for _ in 0..=count {
                self.read_packet()?;
            }
        }
        Ok(u32::from_le_bytes([*a, *b, *c, *d]))
    }

    /// Closes a prepared statement, which nobody answers.
    ///
    /// # Errors
    /// I/O failures.
    pub fn close_statement(&mut self, id: u32) -> Result<(), Failure> {
        self.write_packet(0, &[&[COM_STMT_CLOSE][..], &id.to_le_bytes()].concat())
    }

    /// Executes a prepared statement and gives its rows; those of a cursor are to be fetched.
    ///
    /// # Errors
    /// As [`Connection::prepare`].
    pub fn execute(&mut self, id: u32, texts: &[&str], rows: Rows) -> Result<Vec<Row>, Failure> {
        let mut command = vec![COM_STMT_EXECUTE];
        command.extend(id.to_le_bytes());
        command.extend([u8::from(rows == Rows::ByCursor), 1, 0, 0, 0]);
        if !texts.is_empty() {
            command.extend(vec![0; texts.len().div_ceil(8)]);
            command.push(1);
            command.extend(texts.iter().flat_map(|_| [VAR_STRING, 0]));
            for text in texts {
                command.push(u8::try_from(text.len()).unwrap_or(0));
                command.extend(text.as_bytes());
            }
        }
        self.write_packet(0, &command)?;
        let (_, head) = self.read_packet()?;
        Self::check(&head)?;
        let columns = head.first().copied().unwrap_or(0);
        if columns == 0 {
            return Ok(Vec::new());
        }
        for _ in 0..columns {
            self.read_packet()?;
        }
        let (_, eof) = self.read_packet()?;
        if eof.get(3).is_some_and(|status| status & CURSOR_EXISTS != 0) {
            return Ok(Vec::new());
        }
        self.binary_rows(columns)
    }

    /// Fetches rows of a cursor; the number of columns is the statement's.
    ///
    /// # Errors
    /// As [`Connection::prepare`].
    pub fn fetch(&mut self, id: u32, count: u32, columns: u8) -> Result<Vec<Row>, Failure> {
        let mut command = vec![COM_STMT_FETCH];
        command.extend(id.to_le_bytes());
        command.extend(count.to_le_bytes());
        self.write_packet(0, &command)?;
        self.binary_rows(columns)
    }

    fn binary_rows(&mut self, columns: u8) -> Result<Vec<Row>, Failure> {
        let mut rows = Vec::new();
        loop {
            let (_, packet) = self.read_packet()?;
            Self::check(&packet)?;
            if packet.first() == Some(&EOF) && packet.len() < 9 {
                return Ok(rows);
            }
            rows.push(binary_row(&packet, columns));
        }
    }

    /// Logs in anew as another user of the same tenant.
    ///
    /// # Errors
    /// As [`Connection::prepare`].
    pub fn change_user(
        &mut self,
        user: &str,
        password: &str,
        database: Option<&str>,
    ) -> Result<(), Failure> {
        let mut command = vec![COM_CHANGE_USER];
        command.extend(user.as_bytes());
        command.extend([0, 0]);
        command.extend(database.unwrap_or_default().as_bytes());
        command.extend([0, super::UTF8MB4_GENERAL_CI, 0]);
        command.extend(b"mysql_native_password\0");
        self.write_packet(0, &command)?;
        let (mut sequence, mut answer) = self.read_packet()?;
        if answer.first() == Some(&EOF) {
            let salt = answer.split(|&byte| byte == 0).nth(1).unwrap_or_default();
            self.write_packet(sequence.wrapping_add(1), &scramble(password, salt))?;
            (sequence, answer) = self.read_packet()?;
        }
        Self::check(&answer)?;
        match answer.first() {
            Some(0) => Ok(()),
            _ => Err(Failure::answer(
                format!("change the user (packet {sequence})"),
                format!("{answer:02x?}"),
            )),
        }
    }

    /// Sends a statement and reads this many packets of its answer, no more.
    ///
    /// # Errors
    /// As [`Connection::prepare`].
    pub fn read_the_beginning(&mut self, sql: &str, packets: u32) -> Result<(), Failure> {
        self.send_query(sql)?;
        for _ in 0..packets {
            let (_, packet) = self.read_packet()?;
            Self::check(&packet)?;
        }
        Ok(())
    }

    /// Reads the rest of an answer, of which this many EOF packets are to come.
    ///
    /// # Errors
    /// As [`Connection::prepare`].
    pub fn skip_rows(&mut self, eofs: u32) -> Result<(), Failure> {
        let mut seen = 0;
        while seen < eofs {
            let (_, packet) = self.read_packet()?;
            Self::check(&packet)?;
            seen += u32::from(packet.first() == Some(&EOF) && packet.len() < 9);
        }
        Ok(())
    }
}

/// The texts of a binary row: behind its head and the bits of its NULLs they are written as in a text row.
fn binary_row(packet: &[u8], columns: u8) -> Row {
    let nulls = packet.get(1..).unwrap_or_default();
    let texts = nulls
        .get((usize::from(columns) + 9) / 8..)
        .unwrap_or_default();
    let mut texts = row(texts).into_iter();
    let is_null = |column: usize| {
        let bit = column + 2;
        nulls
            .get(bit / 8)
            .is_some_and(|byte| byte >> (bit % 8) & 1 == 1)
    };
    (0..usize::from(columns))
        .map(|column| if is_null(column) { None } else { texts.next()? })
        .collect()
}

const COM_CHANGE_USER: u8 = 0x11;
const COM_STMT_PREPARE: u8 = 0x16;
const COM_STMT_CLOSE: u8 = 0x19;
const COM_STMT_EXECUTE: u8 = 0x17;
const COM_STMT_FETCH: u8 = 0x1C;
const VAR_STRING: u8 = 0xFD;
const CURSOR_EXISTS: u8 = 0x40;
