//! CREATE, ALTER and DROP USER, SET PASSWORD, GRANT and REVOKE; and what the session's own account may do.

use crate::catalogue::{AccountName, Catalogue, Level, PRIVILEGES, all_privileges};
use crate::cursor::{Cursor, TableName};
use crate::error::{SimulatorError, SqlError};
use crate::lexer::Kind;
use crate::session::data::is_system;
use crate::session::define::done;
use crate::session::{Answer, Session};
use std::sync::Arc;

/// A change of an account: false when there is no such account, or there is one already.
type Change<'a> = &'a dyn Fn(&Catalogue, i64, &AccountName) -> Result<bool, SimulatorError>;

impl Session {
    /// `CREATE USER`, whose two words have been taken.
    pub(super) fn create_users(&mut self, cursor: &mut Cursor<'_>) -> Result<Answer, SqlError> {
        let lenient = cursor.accept_all(&["if", "not", "exists"]);
        for mut part in cursor.split_commas() {
            let name = account_name(&mut part)?;
            let password = password(&mut part)?.unwrap_or_default();
            let create: Change<'_> =
                &|catalogue, tenant, name| catalogue.create_account(tenant, name, &password);
            self.change_account("CREATE USER", &name, lenient, create)?;
        }
        Ok(done())
    }

    /// `DROP USER`, likewise.
    pub(super) fn drop_users(
        &mut self,
        cursor: &mut Cursor<'_>,
        lenient: bool,
    ) -> Result<Answer, SqlError> {
        for mut part in cursor.split_commas() {
            let name = account_name(&mut part)?;
            self.change_account("DROP USER", &name, lenient, &Catalogue::drop_account)?;
        }
        Ok(done())
    }

    /// `ALTER USER`, likewise: a password, or a lock.
    pub(super) fn alter_user(&mut self, cursor: &mut Cursor<'_>) -> Result<Answer, SqlError> {
        let lenient = cursor.accept_all(&["if", "exists"]);
        let name = account_name(cursor)?;
        let lock = |is_locked| {
            move |catalogue: &Catalogue, tenant, name: &_| {
                catalogue.set_locked(tenant, name, is_locked)
            }
        };
        if cursor.accept_all(&["account", "lock"]) {
            self.change_account("ALTER USER", &name, lenient, &lock(true))?;
        } else if cursor.accept_all(&["account", "unlock"]) {
            self.change_account("ALTER USER", &name, lenient, &lock(false))?;
        } else {
            let password = password(cursor)?.ok_or_else(|| cursor.error())?;
            let set: Change<'_> =
                &|catalogue, tenant, name| catalogue.set_password(tenant, name, &password);
            self.change_account("ALTER USER", &name, lenient, set)?;
        }
        Ok(done())
    }

    /// `SET PASSWORD [FOR account] = [PASSWORD(] text [)]`, whose two words have been taken.
    pub(super) fn set_password(&mut self, cursor: &mut Cursor<'_>) -> Result<Answer, SqlError> {
        let name = if cursor.accept("for") {
            account_name(cursor)?
        } else {
            self.facts.lock().account.clone()
        };
        cursor.expect_symbol("=")?;
        let password = if cursor.accept("password") {
            cursor.brackets()?.scalar()?
        } else {
            cursor.scalar()?
        };
        let set: Change<'_> =
            &|catalogue, tenant, name| catalogue.set_password(tenant, name, &password);
        self.change_account("SET PASSWORD", &name, false, set)?;
        self.announce_schema();
        Ok(done())
    }

    fn change_account(
        &self,
        what: &str,
        name: &AccountName,
        lenient: bool,
        change: Change<'_>,
    ) -> Result<(), SqlError> {
        let (catalogue, tenant) = self.accounts();
        if Self::catalogue_result(change(&catalogue, tenant, name))? || lenient {
            return Ok(());
        }
        let text = format!("Operation {what} failed for {name}");
        Err(SqlError::new(1396, text))
    }

    fn accounts(&self) -> (Arc<Catalogue>, i64) {
        let catalogue = Arc::clone(&self.node.shared.catalogue);
        (catalogue, self.facts.lock().tenant_id)
    }

    /// `GRANT privileges ON level TO account, …`, whose first word has been taken.
    pub(super) fn grant(&mut self, cursor: &mut Cursor<'_>) -> Result<Answer, SqlError> {
        self.change_rights(cursor, "to", |own, named| own.extend(named.iter().cloned()))
    }

    /// `REVOKE privileges ON level FROM account, …`, likewise.
    pub(super) fn revoke(&mut self, cursor: &mut Cursor<'_>) -> Result<Answer, SqlError> {
        self.change_rights(cursor, "from", |own, named| {
            own.retain(|it| !named.contains(it));
        })
    }

    fn change_rights(
        &mut self,
        cursor: &mut Cursor<'_>,
        before_names: &str,
        change: fn(&mut std::collections::BTreeSet<String>, &[String]),
    ) -> Result<Answer, SqlError> {
        let named = privileges(cursor)?;
        let level = self.level(cursor)?;
        cursor.expect(before_names)?;
        let (catalogue, tenant) = self.accounts();
        for mut part in cursor.split_commas() {
            let name = account_name(&mut part)?;
            let changed = catalogue.change_rights(tenant, &name, &level, |own| change(own, &named));
            if !Self::catalogue_result(changed)? {
                let text = "Can not find any matching row in the user table";
                return Err(SqlError::new(1133, text));
            }
        }
        Ok(done())
    }

    /// `*.*`, `database.*` or `*` for the current database. Privileges on single tables are not known here.
    fn level(&self, cursor: &mut Cursor<'_>) -> Result<Level, SqlError> {
        let database = if cursor.accept_symbol("*") {
            if cursor.accept_symbol(".") {
                cursor.expect_symbol("*")?;
                return Ok(Level::Everywhere);
            }
            self.database()
        } else {
            let name = cursor.name()?;
            cursor.expect_symbol(".")?;
            if !cursor.accept_symbol("*") {
                return Err(SqlError::unsupported());
            }
            name
        };
        Ok(Level::Database(database.to_ascii_lowercase()))
    }

    /// 1142 unless the session's account has this privilege for a table; 1133 when the account is gone.
    pub(super) fn check_right(&self, privilege: &str, table: &TableName) -> Result<(), SqlError> {
        let database = table.database.clone().unwrap_or_else(|| self.database());
        let database = database.to_ascii_lowercase();
        if is_system(&database) {
            return Ok(());
        }
        let rights = self.rights()?;
        if rights.allow(privilege, &database) {
            return Ok(());
        }
        let (account, table) = (self.facts.lock().account.clone(), &table.table);
        let text = format!("{privilege} command denied to user {account} for table '{table}'");
        Err(SqlError::new(1142, text))
    }

    /// 1044 unless the session's account has any privilege in a database.
    pub(super) fn check_entry(&self, database: &str) -> Result<(), SqlError> {
        if is_system(database) || self.rights()?.enter(database) {
            return Ok(());
        }
        let account = self.facts.lock().account.clone();
        let text = format!("Access denied for user {account} to database '{database}'");
        Err(SqlError::new(1044, text))
    }

    fn rights(&self) -> Result<Arc<crate::catalogue::Rights>, SqlError> {
        let (tenant, id) = {
            let facts = self.facts.lock();
            (facts.tenant_id, facts.account_id)
        };
        let rights = self.node.shared.catalogue.rights(tenant, id);
        let gone = || SqlError::new(1133, "Can not find any matching row in the user table");
        Self::catalogue_result(rights)?.ok_or_else(gone)
    }
}

/// `user`, `'user'@'host'` or `user@host`.
fn account_name(cursor: &mut Cursor<'_>) -> Result<AccountName, SqlError> {
    let user = cursor.scalar()?;
    let mut host = "%".to_owned();
    if let Some(Kind::UserVariable(name)) = cursor.peek().map(|token| &token.kind) {
        host.clone_from(name);
        cursor.take();
    }
    Ok(AccountName { user, host })
}

/// `IDENTIFIED BY text`, when it follows.
fn password(cursor: &mut Cursor<'_>) -> Result<Option<String>, SqlError> {
    if cursor.accept_all(&["identified", "by"]) {
        return cursor.scalar().map(Some);
    }
    Ok(None)
}

/// The privileges up to ON.
fn privileges(cursor: &mut Cursor<'_>) -> Result<Vec<String>, SqlError> {
    let mut named = Vec::new();
    if cursor.accept("all") {
        cursor.accept("privileges");
        named.extend(all_privileges());
        cursor.expect("on")?;
        return Ok(named);
    }
    let mut name = Vec::new();
    loop {
        let ends = cursor.sees("on");
        if ends || cursor.sees_symbol(",") {
            let whole = name.join(" ");
            if !PRIVILEGES.contains(&&*whole) {
                return Err(cursor.error());
            }
            named.push(whole);
            name.clear();
            cursor.take();
            if ends {
                return Ok(named);
            }
        } else {
            name.push(cursor.name()?.to_ascii_uppercase());
        }
    }
}
