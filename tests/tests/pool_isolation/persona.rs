//! Who the clients are: as many as a server can tell apart, and some that it nearly cannot.

use crate::backend::{Backend, Kind};
use odp_tests::Failure;
use odp_tests::mysql::{Connection, FOUND_ROWS, LoginOptions};

/// A client's identity and what must come of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Persona {
    /// With its tenant.
    pub(crate) login: &'static str,
    pub(crate) password: &'static str,
    pub(crate) options: LoginOptions<'static>,
    pub(crate) tenant: &'static str,
    /// What `USER()` and `CURRENT_USER()` say.
    pub(crate) names: [&'static str; 2],
    /// The database that is its own, and the one that is not.
    pub(crate) own: &'static str,
    pub(crate) foreign: &'static str,
    /// The rows that its UPDATE of a row to what it is already counts.
    pub(crate) found: u8,
    /// What its login makes its collation.
    pub(crate) collation: &'static str,
}

/// An account: user, password, host, the address it logs in from, its own database, the other one.
type Account = [&'static str; 6];

const ACCOUNTS: [Account; 4] = [
    ["ann", "pw", "%", "127.0.0.1", "iso_a", "iso_b"],
    ["bob", "pw2", "%", "127.0.0.1", "iso_b", "iso_a"],
    ["twin", "pw", "10.0.0.1", "10.0.0.1", "iso_a", "iso_b"],
    ["twin", "pw", "10.0.0.2", "10.0.0.2", "iso_b", "iso_a"],
];

/// `utf8mb4_bin`.
const BINARY_COLLATION: u8 = 46;

/// All of them: accounts × tenants × capabilities × collations × databases.
pub(crate) fn personas(backend: &Backend) -> Vec<Persona> {
    let mut personas = Vec::new();
    for &tenant in backend.tenants() {
        for account in ACCOUNTS {
            for (capabilities, found) in [(0, 0), (FOUND_ROWS, 1)] {
                for collation in [None, Some(BINARY_COLLATION)] {
                    for database in [None, Some(account[4]), Some("iso_all")] {
                        let persona = persona(tenant, account, backend.kind);
                        personas.push(Persona {
                            // The simulated servers count no other way.
                            found: if backend.kind == Kind::Sandbox {
                                1
                            } else {
                                found
                            },
                            collation: match (backend.kind, collation) {
                                (Kind::Engine, Some(_)) => "utf8mb4_bin",
                                _ => "utf8mb4_general_ci",
                            },
                            options: LoginOptions {
                                capabilities,
                                database,
                                collation,
                                ..persona.options
                            },
                            ..persona
                        });
                    }
                }
            }
        }
    }
    personas
}

fn persona(tenant: &'static str, account: Account, kind: Kind) -> Persona {
    let [user, password, host, ip, own, foreign] = account;
    let leak = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
    Persona {
        login: match kind {
            Kind::Engine => user,
            Kind::Sandbox => leak(format!("{user}@{tenant}")),
        },
        password,
        options: LoginOptions {
            client_ip: (ip != "127.0.0.1").then_some(ip),
            ..LoginOptions::default()
        },
        tenant,
        names: [leak(format!("{user}@{ip}")), leak(format!("{user}@{host}"))],
        own,
        foreign,
        found: 0,
        collation: "",
    }
}

/// Creates the accounts and what they are to see and not to see, in each tenant the same.
pub(crate) fn set_up(backend: &Backend) -> Result<(), Failure> {
    for &tenant in backend.tenants() {
        let mut root = backend.root(tenant)?;
        if backend.kind == Kind::Engine {
            // The first time there is nothing to be dropped.
            root.query("DROP SEQUENCE iso_all.numbers").ok();
            root.query("DROP ROLE of_iso_a, of_iso_b").ok();
        }
        for database in ["iso_a", "iso_b", "iso_all"] {
            root.query(&format!("CREATE DATABASE IF NOT EXISTS {database}"))?;
            root.query(&format!("DROP TABLE IF EXISTS {database}.whose"))?;
            root.query(&format!(
                "CREATE TABLE {database}.whose (id INT PRIMARY KEY, name VARCHAR(40))"
            ))?;
            root.query(&format!(
                "INSERT INTO {database}.whose VALUES (1, '{tenant} {database}')"
            ))?;
        }
        for statement in [
            "DROP TABLE IF EXISTS iso_all.traces",
            "CREATE TABLE iso_all.traces (id BIGINT PRIMARY KEY AUTO_INCREMENT, mark BIGINT, tenant \
             VARCHAR(40))",
            "DROP TABLE IF EXISTS iso_all.fixed",
            "CREATE TABLE iso_all.fixed (id INT PRIMARY KEY, v INT)",
            "INSERT INTO iso_all.fixed VALUES (1, 1), (2, 2), (3, 3), (4, 4), (5, 5)",
        ] {
            root.query(statement)?;
        }
        for [user, password, host, _, own, _] in ACCOUNTS {
            let account = format!("{user}@'{host}'");
            root.query(&format!("DROP USER IF EXISTS {account}"))?;
            root.query(&format!("CREATE USER {account} IDENTIFIED BY '{password}'"))?;
            root.query(&format!("GRANT ALL ON iso_all.* TO {account}"))?;
            root.query(&format!("GRANT SELECT ON {own}.* TO {account}"))?;
        }
        if backend.kind == Kind::Engine {
            set_up_engine(&mut root)?;
        }
    }
    Ok(())
}

/// A sequence, and roles that let in where an account is not let in by itself.
fn set_up_engine(root: &mut Connection) -> Result<(), Failure> {
    root.query("CREATE SEQUENCE iso_all.numbers")?;
    for database in ["iso_a", "iso_b"] {
        root.query(&format!("CREATE ROLE of_{database}"))?;
        root.query(&format!("GRANT SELECT ON {database}.* TO of_{database}"))?;
    }
    for [user, _, host, _, _, foreign] in ACCOUNTS {
        root.query(&format!("GRANT of_{foreign} TO {user}@'{host}'"))?;
    }
    Ok(())
}
