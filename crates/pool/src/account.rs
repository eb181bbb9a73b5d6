//! What the cluster has on record about an account, and whom it lets in.

use crate::QueryResult;
use crate::host_pattern::{Admits, admits};
use crate::secret::Secret;
use odp_protocol::auth::{SALT_LEN, Salt, proven_stage1};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// One account of a tenant, as a row of `__all_virtual_user` tells. Accounts are equal when a login
/// would have the same outcome and the same rights: the times of change stand for its rights.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Account {
    id: i64,
    host: String,
    stage2: Option<[u8; SALT_LEN]>,
    changed: String,
    /// Whether the server asks for more than the password, or counts: the login is its own then.
    has_policy: bool,
    /// Whether it may kill the sessions of other accounts.
    may_kill: bool,
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account")
            .field("id", &self.id)
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}

/// What a client proved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// `SHA1(password)`; `None` for an account without password.
    pub secret: Option<Secret>,
    /// Every account of this name that lets the client's address in. The server takes one of them, by
    /// an order of its own; while they are the same, so is its choice.
    pub accounts: Vec<Account>,
    /// The stage-2 hash that the response fits.
    pub(crate) stage2: Option<[u8; SALT_LEN]>,
}

/// The columns that [`Account::read`] asks for, of the row `u`. A server keeps privileges on the current
/// database and the roles of a login in the session, and their changes are not noted in the account's own
/// row: the counts and the newest times of their rows tell of them.
pub(crate) const COLUMNS: &str = "user_id, host, passwd, is_locked, ssl_type, max_connections, \
     max_user_connections, profile_id, type, priv_super, user_name, gmt_modified, \
     (SELECT COUNT(*) FROM oceanbase.__all_virtual_database_privilege WHERE tenant_id = u.tenant_id \
     AND user_id = u.user_id), \
     (SELECT MAX(gmt_modified) FROM oceanbase.__all_virtual_database_privilege WHERE tenant_id = \
     u.tenant_id AND user_id = u.user_id), \
     (SELECT COUNT(*) FROM oceanbase.__all_virtual_tenant_role_grantee_map WHERE tenant_id = \
     u.tenant_id AND grantee_id = u.user_id), \
     (SELECT MAX(gmt_modified) FROM oceanbase.__all_virtual_tenant_role_grantee_map WHERE tenant_id = \
     u.tenant_id AND grantee_id = u.user_id)";

/// Which of them is the user's name.
const USER_NAME: usize = 10;

impl Account {
    /// Reads the rows of a query for [`COLUMNS`]; `None` when one cannot be understood. A server that
    /// compares names without case answers for other users too.
    pub(crate) fn read(rows: &QueryResult, user: &str) -> Option<Vec<Self>> {
        let is_of_user = |row: &&Vec<Option<Vec<u8>>>| {
            row.get(USER_NAME).and_then(Option::as_deref) == Some(user.as_bytes())
        };
        let rows = rows.rows.iter().filter(is_of_user);
        rows.map(|row| Self::read_row(row)).collect()
    }

    /// The pattern of the addresses that it lets in.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Whether it may kill the sessions of other accounts (`SUPER`).
    pub(crate) fn may_kill(&self) -> bool {
        self.may_kill
    }

    fn read_row(row: &[Option<Vec<u8>>]) -> Option<Self> {
        let texts: Vec<&str> = row
            .iter()
            .map(|value| std::str::from_utf8(value.as_deref().unwrap_or_default()).ok())
            .collect::<Option<_>>()?;
        let [id, host, passwd, policies @ ..] = &texts[..] else {
            return None;
        };
        let [
            locked,
            ssl,
            connections,
            user_connections,
            profile,
            role,
            priv_super,
            _,
            changes @ ..,
        ] = policies
        else {
            return None;
        };
        let is_set = |text: &&&str| !matches!(**text, "" | "0");
        let demands = [locked, ssl, connections, user_connections, role];
        Some(Self {
            id: id.parse().ok()?,
            host: (*host).to_owned(),
            stage2: read_hash(passwd)?,
            changed: changes.join(" "),
            may_kill: is_set(&priv_super),
            has_policy: demands.iter().any(is_set) || !matches!(*profile, "-1" | ""),
        })
    }
}

/// `*` and 40 hexadecimal digits; an empty text is an account without password.
#[expect(
    clippy::option_option,
    reason = "no password and a password that cannot be read are not the same"
)]
fn read_hash(text: &str) -> Option<Option<[u8; SALT_LEN]>> {
    if text.is_empty() {
        return Some(None);
    }
    let digits = text.strip_prefix('*')?.as_bytes();
    let mut hash = [0; SALT_LEN];
    if digits.len() != 2 * SALT_LEN {
        return None;
    }
    for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(Some(hash))
}

/// Why a server must decide on a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unproven {
    /// The password is wrong, or has changed since the account was read.
    Password,
    /// No such user, a host or a policy that only the server can judge.
    Account,
}

/// Checks a client's `response` to `salt` against the accounts of its name.
pub(crate) fn prove(
    accounts: &[Account],
    addr: IpAddr,
    response: &[u8],
    salt: &Salt,
) -> Result<Proof, Unproven> {
    let mut matching = Vec::new();
    for account in accounts {
        match admits(&account.host, addr) {
            Admits::Yes => matching.push(account.clone()),
            Admits::No => {}
            Admits::Unknown => return Err(Unproven::Account),
        }
    }
    if matching.is_empty() || matching.iter().any(|account| account.has_policy) {
        return Err(Unproven::Account);
    }
    // Among accounts with and without password, the server's order would decide.
    if response.is_empty() {
        if matching.iter().any(|account| account.stage2.is_some()) {
            return Err(Unproven::Password);
        }
        return Ok(Proof {
            secret: None,
            accounts: matching,
            stage2: None,
        });
    }
    let hashes: Option<Vec<_>> = matching.iter().map(|account| account.stage2).collect();
    let hashes = hashes.ok_or(Unproven::Account)?;
    let fitting = hashes
        .iter()
        .find_map(|stage2| proven_stage1(response, salt, stage2).map(|stage1| (stage1, *stage2)));
    let (stage1, stage2) = fitting.ok_or(Unproven::Password)?;
    Ok(Proof {
        secret: Some(Secret::new(stage1)),
        accounts: matching,
        stage2: Some(stage2),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use odp_protocol::auth::{native_response, stage1, stage2};

    fn row(id: i64, host: &str, password: &str, locked: &str) -> Vec<Option<Vec<u8>>> {
        let hash = match password {
            "" => String::new(),
            text => stage2(&stage1(text.as_bytes()))
                .iter()
                .fold("*".to_owned(), |hex, byte| format!("{hex}{byte:02x}")),
        };
        let texts = [
            &id.to_string(),
            host,
            &hash,
            locked,
            "0",
            "0",
            "0",
            "-1",
            "0",
            "0",
            "u",
            "2026-01-01",
            "2",
            "2026-01-02",
            "0",
            "",
        ];
        texts
            .iter()
            .map(|text| Some(text.as_bytes().to_vec()))
            .collect()
    }

    fn accounts(rows: Vec<Vec<Option<Vec<u8>>>>) -> Vec<Account> {
        Account::read(
            &QueryResult {
                columns: Vec::new(),
                rows,
            },
            "u",
        )
        .unwrap()
    }

    fn prove_with(accounts: &[Account], password: &str) -> Result<Proof, Unproven> {
        let salt = Salt::from_random([9; SALT_LEN]);
        let response = match password {
            "" => Vec::new(),
            text => native_response(&stage1(text.as_bytes()), &salt).to_vec(),
        };
        prove(accounts, "127.0.0.1".parse().unwrap(), &response, &salt)
    }

    #[test]
    fn a_right_password_proves_the_accounts_that_admit_the_address() {
        let known = accounts(vec![
            row(1, "%", "pw", "0"),
            row(2, "10.%", "pw", "0"),
            row(3, "127.0.0.1", "other", "0"),
        ]);
        let proof = prove_with(&known, "pw").unwrap();
        assert_eq!(
            proof.accounts.iter().map(|a| a.id).collect::<Vec<_>>(),
            [1, 3]
        );
        assert_eq!(proof.secret.unwrap().reveal(), &stage1(b"pw"));
        let other = prove_with(&known, "other").unwrap();
        assert_ne!(proof.stage2, other.stage2);
    }

    #[test]
    fn whatever_only_the_server_can_judge_is_left_to_it() {
        let one = |host, password, locked| accounts(vec![row(1, host, password, locked)]);
        assert!(prove_with(&one("%", "pw", "0"), "wrong").is_err());
        assert!(prove_with(&one("%", "pw", "0"), "").is_err());
        assert!(prove_with(&one("%", "pw", "1"), "pw").is_err());
        assert!(prove_with(&one("10.%", "pw", "0"), "pw").is_err());
        assert!(prove_with(&one("some.host", "pw", "0"), "pw").is_err());
        assert!(prove_with(&one("%", "", "0"), "pw").is_err());
        assert!(prove_with(&one("%", "", "0"), "").is_ok());
        let mixed = accounts(vec![row(1, "%", "", "0"), row(2, "127.%", "pw", "0")]);
        assert!(prove_with(&mixed, "").is_err());
        assert!(prove_with(&mixed, "pw").is_err());
        assert!(prove_with(&[], "pw").is_err());
    }

    #[test]
    fn a_row_that_changed_is_another_account() {
        let before = accounts(vec![row(1, "%", "pw", "0")]);
        for column in USER_NAME + 1..USER_NAME + 6 {
            let mut changed = row(1, "%", "pw", "0");
            changed[column] = Some(b"3".to_vec());
            assert_ne!(before, accounts(vec![changed]), "{column}");
        }
        let mut broken = row(1, "%", "pw", "0");
        broken[2] = Some(b"sha256:...".to_vec());
        let result = QueryResult {
            columns: Vec::new(),
            rows: vec![broken],
        };
        assert!(Account::read(&result, "u").is_none());
        assert_eq!(Account::read(&result, "U"), Some(Vec::new()));
    }
}
