//! The pools of a data plane and what they know of accounts.

use crate::config::Settings;
use odp_pool::{
    ConnectOptions, CredentialReader, CredentialSource, Credentials, MetaLogin, PoolSettings,
};
use odp_routing::Router;
use odp_session::ServerPools;
use std::sync::Arc;

/// Shared by all workers.
#[derive(Clone)]
pub(super) struct Pooling {
    pub(super) pools: Arc<ServerPools>,
    pub(super) credentials: Arc<Credentials>,
}

/// Makes the pools, and starts the task that reads accounts; it lives as long as the process.
pub(super) fn start(settings: &Settings, router: &Arc<Router>) -> Pooling {
    let interval = settings.credential_refresh_interval.0;
    let credentials = Credentials::new(interval);
    let (view, listed) = (Arc::clone(router), settings.rootservice_list.0.clone());
    let source = CredentialSource {
        login: MetaLogin {
            user: settings.metadata_user.clone(),
            password_stage1: settings.observer_sys_password.reveal(),
            database: "oceanbase".to_owned(),
            options: ConnectOptions {
                connect_timeout: settings.short_async_task_timeout.0,
                ..ConnectOptions::default()
            },
        },
        servers: Box::new(move || {
            let known = view.view();
            let known = known.servers.iter().map(|server| server.addr);
            known.chain(listed.iter().copied()).collect()
        }),
        query_timeout: settings.short_async_task_timeout.0,
    };
    tokio::spawn(CredentialReader::new(Arc::clone(&credentials), source).run(interval));
    Pooling {
        pools: ServerPools::new(pool_settings(settings)),
        credentials,
    }
}

fn pool_settings(settings: &Settings) -> PoolSettings {
    let count = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
    PoolSettings {
        max: count(settings.pool_max.0),
        min_idle: count(settings.pool_min_idle.0),
        idle_timeout: settings.pool_idle_timeout.0,
        max_age: settings.pool_max_age.0,
        ping_after: settings.pool_ping_after.0,
        wait_timeout: settings.pool_wait_timeout.0,
        max_waiting: count(settings.pool_max_waiting.0),
        connect_concurrency_max: count(settings.connect_concurrency_max.0),
    }
}
