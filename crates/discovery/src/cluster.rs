//! One round over the cluster: its name, servers, zones and tenants.

use crate::dialect::{Asked, Dialect};
use crate::source::AnswerRow;
use crate::{DiscoveryError, MetadataConnection, queries};
use odp_cluster::{
    ClusterName, IdcName, RegionName, Server, ServerAddr, ServerState, TenantName, Zone, ZoneName,
    ZoneState, ZoneType,
};
use odp_routing::{ClusterView, Metadata, Tenant};
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

/// Asks `connection`, which leads to `addr`, for the whole state of the cluster, which is called `named`
/// where it does not tell its name.
///
/// # Errors
/// Besides those of a query: a cluster without servers.
pub(crate) async fn load(
    connection: &mut Asked<impl MetadataConnection>,
    addr: ServerAddr,
    named: Option<&ClusterName>,
) -> Result<ClusterView, DiscoveryError> {
    let mut view = match connection.dialect {
        Dialect::Three => load_old(connection, named).await?,
        Dialect::Four => load_new(connection).await?,
    };
    if view.servers.is_empty() {
        return Err(DiscoveryError::NoServers { addr });
    }
    view.tenants = load_tenants(connection).await?;
    Ok(view)
}

/// The name, servers and zones of a cluster of 4.x.
async fn load_new(
    connection: &mut Asked<impl MetadataConnection>,
) -> Result<ClusterView, DiscoveryError> {
    let answer = connection.query(&queries::cluster()).await?;
    let mut view = ClusterView {
        metadata: Metadata::Available,
        ..ClusterView::default()
    };
    for row in answer.rows() {
        view.name = ClusterName::new(row.text("cluster").unwrap_or_default());
        let Some(server) = read_server(row) else {
            continue;
        };
        if view.zone(&server.zone).is_none() {
            view.zones.push(read_zone(row, &server.zone, "zone_status"));
        }
        view.servers.push(server);
    }
    match connection.query(queries::COMPACTING_ZONES).await {
        Ok(answer) => {
            for row in answer.rows() {
                let is = |zone: &&mut Zone| row.text("zone") == Some(zone.name.as_str());
                if let Some(zone) = view.zones.iter_mut().find(is)
                    && zone.state == ZoneState::Active
                {
                    zone.state = ZoneState::Merging;
                }
            }
        }
        // Weak reads work without it.
        Err(error @ DiscoveryError::QueryRefused { .. }) => {
            tracing::debug!(%error, "zones in major compaction are not known");
        }
        Err(error) => return Err(error),
    }
    Ok(view)
}

/// The servers and zones of a cluster of 3.x, which does not tell its name here.
async fn load_old(
    connection: &mut Asked<impl MetadataConnection>,
    expected: Option<&ClusterName>,
) -> Result<ClusterView, DiscoveryError> {
    let zones = connection.query(&queries::old_zones()).await?;
    let servers = connection.query(&queries::old_servers()).await?;
    let zone = |row: AnswerRow<'_>| {
        let name = ZoneName::new(row.text("zone")?);
        // The row without a name is the cluster's own.
        (!name.is_empty()).then(|| read_zone(row, &name, "status"))
    };
    let zones: Vec<Zone> = zones.rows().into_iter().filter_map(zone).collect();
    let mut servers: Vec<Server> = servers.rows().into_iter().filter_map(read_server).collect();
    servers.retain(|server| zones.iter().any(|zone| zone.name == server.zone));
    Ok(ClusterView {
        name: expected.cloned().unwrap_or_default(),
        metadata: Metadata::Available,
        zones,
        servers,
        ..ClusterView::default()
    })
}

/// A server; one whose zone is not known is dropped, as `OBProxy` does.
fn read_server(row: AnswerRow<'_>) -> Option<Server> {
    let ip: IpAddr = row.text("svr_ip")?.parse().ok()?;
    let port: u16 = row.text("svr_port")?.parse().ok()?;
    let flag = |column| row.number(column).is_some_and(|value| value != 0);
    Some(Server {
        addr: ServerAddr::from(SocketAddr::new(ip, port)),
        zone: ZoneName::new(row.text("zone")?),
        state: ServerState::from_columns(
            row.text("server_status")?,
            flag("start_service_time"),
            flag("stop_time"),
        ),
    })
}

/// The zone of a row; an INACTIVE one is treated as in upgrade, an unknown type as read-write.
fn read_zone(row: AnswerRow<'_>, name: &ZoneName, status: &str) -> Zone {
    let is = |column: &str, value: &str| {
        row.text(column)
            .is_some_and(|text| text.eq_ignore_ascii_case(value))
    };
    Zone {
        name: name.clone(),
        state: if is(status, "INACTIVE") {
            ZoneState::Upgrade
        } else if row.number("is_merging").is_some_and(|value| value != 0) {
            ZoneState::Merging
        } else {
            ZoneState::Active
        },
        region: RegionName::new(row.text("region").unwrap_or_default()),
        idc: IdcName::new(row.text("spare4").unwrap_or_default()),
        zone_type: if is("spare5", "ReadOnly") {
            ZoneType::ReadOnly
        } else {
            ZoneType::ReadWrite
        },
    }
}

async fn load_tenants(
    connection: &mut Asked<impl MetadataConnection>,
) -> Result<HashMap<TenantName, Tenant>, DiscoveryError> {
    let answer = connection
        .query(queries::tenants(connection.dialect))
        .await?;
    let mut tenants = HashMap::new();
    let mut normal = Vec::new();
    for row in answer.rows() {
        let (Some(name), Some(id)) = (row.text("tenant_name"), row.number("tenant_id")) else {
            continue;
        };
        if row.text("status").is_none_or(|status| status == "NORMAL") {
            normal.push(id);
        }
        let tenant = Tenant {
            primary_zone: row.text("primary_zone").unwrap_or_default().to_owned(),
            single_leader: None,
        };
        tenants.insert(TenantName::new(name), tenant);
    }
    // The query of 3.x for single leaders is another one; without it, locations lead to them.
    if normal.is_empty() || connection.dialect == Dialect::Three {
        return Ok(tenants);
    }
    match connection.query(&queries::single_leaders(&normal)).await {
        Ok(answer) => {
            for row in answer.rows() {
                let tenant = row
                    .text("tenant_name")
                    .and_then(|name| tenants.get_mut(name));
                if let Some(tenant) = tenant {
                    let single = row.number("is_single_leader") == Some(1);
                    let leader = row.text("leader_addr").and_then(|addr| addr.parse().ok());
                    tenant.single_leader = leader.filter(|_| single);
                }
            }
        }
        // Locations work without it.
        Err(error @ DiscoveryError::QueryRefused { .. }) => {
            tracing::debug!(%error, "single leaders of tenants are not known");
        }
        Err(error) => return Err(error),
    }
    Ok(tenants)
}
