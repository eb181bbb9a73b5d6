//! Accounts: who gets in from where, and what he may do then, as a real engine has it.

use crate::client::Client;
use odp_protocol::auth::Salt;
use odp_simulator::{Cluster, ClusterConfig};
use std::net::SocketAddr;

/// What a login to database `test` from an address meets: the account that it matched, or the code of the error.
fn login(addr: SocketAddr, user: &str, password: &str, ip: &'static str) -> Result<String, u16> {
    let salt = Some(Salt::from_random([7; 20]));
    let mut client = Client::connect(addr, user, password, salt, |attributes| {
        attributes.push("__client_ip", ip);
    });
    match client.login.error.take() {
        Some((code, _)) => Err(code),
        None => Ok(client.ok("SELECT CURRENT_USER()").value().to_owned()),
    }
}

#[test]
fn an_account_lets_in_who_has_its_password_and_its_address() {
    let cluster = Cluster::start(&ClusterConfig::default()).unwrap();
    let addr = cluster.addrs()[0];
    let mut app = Client::direct(addr, "app@demo", "app");
    app.ok("CREATE USER twin@'10.0.0.1' IDENTIFIED BY 'pw', twin@'10.0.1.%' IDENTIFIED BY 'pw2'");
    assert_eq!(app.fails("CREATE USER twin@'10.0.0.1'"), 1396);
    app.ok("GRANT SELECT ON test.* TO twin@'10.0.0.1', twin@'10.0.1.%'");
    let twin = |password, ip| login(addr, "twin@demo", password, ip);
    assert_eq!(twin("pw", "10.0.0.1"), Ok("twin@10.0.0.1".to_owned()));
    assert_eq!(twin("pw2", "10.0.1.77"), Ok("twin@10.0.1.%".to_owned()));
    assert_eq!(twin("pw", "10.0.1.77"), Err(1045));
    assert_eq!(twin("pw", "10.0.2.1"), Err(1045));
    assert_eq!(login(addr, "twin@sys", "pw", "10.0.0.1"), Err(1045));
    app.ok("ALTER USER twin@'10.0.0.1' ACCOUNT LOCK");
    assert_eq!(twin("pw", "10.0.0.1"), Err(3118));
    app.ok("ALTER USER twin@'10.0.0.1' ACCOUNT UNLOCK");
    app.ok("SET PASSWORD FOR twin@'10.0.0.1' = PASSWORD('new')");
    assert_eq!(twin("pw", "10.0.0.1"), Err(1045));
    assert!(twin("new", "10.0.0.1").is_ok());
    app.ok("ALTER USER twin@'10.0.0.1' IDENTIFIED BY ''");
    assert!(twin("", "10.0.0.1").is_ok());
    app.ok("DROP USER twin@'10.0.0.1'");
    assert_eq!(twin("", "10.0.0.1"), Err(1045));
    assert_eq!(app.fails("DROP USER twin@'10.0.0.1'"), 1396);
    app.ok("DROP USER IF EXISTS twin@'10.0.0.1'");
}

#[test]
fn privileges_hold_where_they_were_granted_and_until_they_are_revoked() {
    let cluster = Cluster::start(&ClusterConfig::default()).unwrap();
    let addr = cluster.addrs()[0];
    let mut app = Client::direct(addr, "app@demo", "app");
    for sql in [
        "CREATE TABLE t (a INT PRIMARY KEY)",
        "CREATE DATABASE other",
        "CREATE TABLE other.t (a INT PRIMARY KEY)",
        "CREATE USER guest IDENTIFIED BY 'pw'",
        "GRANT INSERT ON test.* TO guest",
    ] {
        app.ok(sql);
    }
    let mut guest = Client::proxied(addr, "guest@demo", "pw");
    assert_eq!(guest.fails("SELECT * FROM test.t"), 1142);
    app.ok("GRANT SELECT, INSERT ON test.* TO guest");
    guest.ok("USE test");
    guest.ok("INSERT INTO t VALUES (1)");
    assert_eq!(guest.fails("DELETE FROM t"), 1142);
    assert_eq!(guest.fails("SELECT * FROM other.t"), 1142);
    assert_eq!(guest.fails("INSERT INTO t SELECT a FROM other.t"), 1142);
    assert_eq!(guest.fails("DROP TABLE t"), 1142);
    assert_eq!(guest.fails("USE other"), 1044);
    let statement = guest.prepare("SELECT a FROM t");
    assert_eq!(guest.execute(statement, &[]).1.error, None);
    app.ok("REVOKE SELECT ON test.* FROM guest");
    assert_eq!(guest.fails("SELECT * FROM t"), 1142);
    assert_eq!(guest.execute(statement, &[]).1.error.unwrap().0, 1142);
    guest.ok("INSERT INTO t VALUES (2)");
    app.ok("GRANT ALL PRIVILEGES ON *.* TO guest");
    guest.ok("DROP TABLE other.t");
    app.ok("REVOKE ALL ON *.* FROM guest");
    app.ok("DROP USER guest");
    assert_eq!(guest.fails("INSERT INTO t VALUES (3)"), 1133);
    assert_eq!(app.fails("GRANT SELECT ON test.* TO guest"), 1133);
}

#[test]
fn the_rows_of_accounts_are_those_that_a_proxy_reads() {
    let cluster = Cluster::start(&ClusterConfig::default()).unwrap();
    let addr = cluster.addrs()[0];
    let mut app = Client::direct(addr, "app@demo", "app");
    let mut sys = Client::direct(addr, "proxyro@sys", "");
    let of_app = "SELECT passwd, host, is_locked FROM oceanbase.__all_virtual_user WHERE tenant_id = \
                  (SELECT tenant_id FROM oceanbase.DBA_OB_TENANTS WHERE tenant_name = 'demo') AND \
                  user_name = 'app'";
    let row = sys.ok(of_app).rows.remove(0);
    // MySQL: SELECT PASSWORD('app').
    assert_eq!(
        row[0].as_deref(),
        Some("*5bcb3e6ac345b435c7c2e6b7949a04ce6f6563d3")
    );
    let changed = "SELECT gmt_modified FROM oceanbase.__all_virtual_user WHERE user_name = 'app'";
    let globals = "SELECT MAX(gmt_modified) FROM oceanbase.__all_virtual_sys_variable WHERE tenant_id \
                   = (SELECT tenant_id FROM oceanbase.DBA_OB_TENANTS WHERE tenant_name = 'demo')";
    for (question, sql) in [
        (changed, "ALTER USER app IDENTIFIED BY 'app'"),
        (changed, "REVOKE PROCESS ON *.* FROM app"),
        (globals, "SET GLOBAL ob_query_timeout = 5000000"),
        (globals, "SET GLOBAL ob_query_timeout = 5000000"),
    ] {
        let before = sys.ok(question).value().to_owned();
        let told = app.ok(sql).system.contains_key("ob_last_schema_version");
        assert!(!told, "a direct client is told nothing of it");
        assert_ne!(sys.ok(question).value(), before, "{sql}");
    }
}
