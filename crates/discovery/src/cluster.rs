//! One round over the cluster: its name, servers, zones and tenants.

use crate::source::AnswerRow;
use crate::{DiscoveryError, MetadataConnection, queries};
use odp_cluster::{
    ClusterName, IdcName, RegionName, Server, ServerAddr, ServerState, TenantName, Zone, ZoneName,
    ZoneState, ZoneType,
};
use odp_routing::{ClusterView, Metadata, Tenant};
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

/// Asks `connection`, which leads to `addr`, for the whole state of the cluster.
///
/// # Errors
/// Besides those of a query: a wrong cluster, or a cluster without servers.
pub(crate) async fn load(
    connection: &mut impl MetadataConnection,
    addr: ServerAddr,
    expected: Option<&ClusterName>,
) -> Result<ClusterView, DiscoveryError> {
    let answer = connection.query(&queries::cluster()).await?;
    let rows = answer.rows();
    let mut view = ClusterView {
        metadata: Metadata::Available,
        ..ClusterView::default()
    };
    for row in rows {
        view.name = ClusterName::new(row.text("cluster").unwrap_or_default());
        let Some(server) = read_server(row) else {
            continue;
        };
        if view.zone(&server.zone).is_none() {
            view.zones.push(read_zone(row, &server.zone));
        }
        view.servers.push(server);
    }
    if view.servers.is_empty() {
        return Err(DiscoveryError::NoServers { addr });
    }
    if let Some(expected) = expected.filter(|&expected| *expected != view.name) {
        return Err(DiscoveryError::WrongCluster {
            addr,
            found: view.name,
            expected: expected.clone(),
        });
    }
    view.tenants = load_tenants(connection).await?;
    Ok(view)
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
fn read_zone(row: AnswerRow<'_>, name: &ZoneName) -> Zone {
    let is = |column, value: &str| {
        row.text(column)
            .is_some_and(|text| text.eq_ignore_ascii_case(value))
    };
    Zone {
        name: name.clone(),
        state: if is("zone_status", "INACTIVE") {
            ZoneState::Upgrade
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
    connection: &mut impl MetadataConnection,
) -> Result<HashMap<TenantName, Tenant>, DiscoveryError> {
    let answer = connection.query(queries::tenants()).await?;
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
    if normal.is_empty() {
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
