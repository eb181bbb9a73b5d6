//! Commands other than statements.

use super::{Dialect, Script, Step};
use crate::wire;

impl Script {
    pub(super) fn command(&mut self) -> Step {
        let (one, table) = (self.one(), self.table());
        let query = |sql: String| [&[wire::COM_QUERY], sql.as_bytes()].concat();
        match self.random.below(16) {
            0..3 => Step::Command(vec![wire::COM_PING]),
            // Those of MariaDB are other ones every second.
            3 if self.dialect == Dialect::MariaDb => Step::Command(vec![wire::COM_PING]),
            3 => Step::Command(vec![wire::COM_STATISTICS]),
            4 => Step::Command(vec![wire::COM_SET_OPTION, 1, 0]),
            5 => Step::Command([&[wire::COM_SET_OPTION], &0_u16.to_le_bytes()[..]].concat()),
            6 => {
                let name = one.trim_start_matches("test.");
                Step::Command([&[wire::COM_FIELD_LIST], name.as_bytes(), &[0]].concat())
            }
            8 => {
                self.slots.clear();
                Step::Command(vec![wire::COM_RESET_CONNECTION])
            }
            7 | 9 => {
                self.slots.clear();
                Step::Command(vec![wire::COM_CHANGE_USER])
            }
            10..14 => Step::Pipeline(vec![
                query(format!("SELECT x FROM {one}")),
                vec![wire::COM_PING],
                query(format!(
                    "INSERT INTO test.{table} (k, v) VALUES (7, 'piped')"
                )),
                query("SELECT @a, DATABASE()".to_owned()),
            ]),
            14 if self.dialect == Dialect::MariaDb => Self::query("LOCK TABLES t_0 READ"),
            15 => Self::query("UNLOCK TABLES"),
            _ => Self::query("SHOW TABLES"),
        }
    }
}
