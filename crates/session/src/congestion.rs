//! `SHOW PROXYCONGESTION`: the blacklist as a result set, in the columns of `OBProxy`
//! (`ob_show_congestion_handler.cpp`).

use crate::error::SessionError;
use crate::result_set;
use crate::state::SessionState;
use bytes::BytesMut;
use odp_cluster::{ServerState, ZoneState};
use odp_protocol::StatusFlags;
use odp_routing::{ClusterView, Detected, Router, ServerStanding, Standing};
use odp_sql::{Congestion, CongestionScope, outline};
use odp_sys::LocalTime;
use std::time::{Instant, SystemTime};

/// Who is answered; a server is left to tell the others that it does not know the statement. `OBProxy`
/// answers `root@proxysys` too, whom odp does not let in.
pub(crate) fn may_ask(state: &SessionState) -> bool {
    state.login.response.user == b"root@sys"
}

/// The blacklist at one moment.
#[derive(Debug)]
pub(crate) struct Shown {
    rows: Vec<Row>,
}

const COLUMNS: usize = 20;
type Row = [Option<String>; COLUMNS];

impl Shown {
    /// What the statement in `text` asks for.
    ///
    /// # Errors
    /// When it is none of this kind.
    pub(crate) fn read(
        text: &[u8],
        state: &SessionState,
        router: &Router,
    ) -> Result<Self, SessionError> {
        let outline = outline(text, state.variables.known().dialect);
        match outline.congestion() {
            Some(asked) => Ok(Self::of(asked, router)),
            None => Err(SessionError::Unsupported(
                "this form of SHOW PROXYCONGESTION",
            )),
        }
    }

    /// What `asked` asks for. A cluster that is not the proxy's has no servers.
    fn of(asked: Congestion<'_>, router: &Router) -> Self {
        let (view, clock) = (router.view(), Clock::now());
        let is_meant = asked
            .cluster
            .is_none_or(|name| name.decoded().eq(view.name.as_str().bytes()));
        let standings = router.standings(clock.monotonic);
        let shown = standings.iter().filter(|server| {
            is_meant && (asked.scope == CongestionScope::All || server.standing != Standing::Ok)
        });
        Self {
            rows: shown.map(|server| row(server, &view, clock)).collect(),
        }
    }

    /// Writes the result set.
    pub(crate) fn put(self, out: &mut BytesMut, sequence: u8, status: StatusFlags) {
        use result_set::{number, text};
        let columns = [
            text("cluster_name"),
            text("zone_name"),
            text("region_name"),
            text("zone_state"),
            text("server_ip"),
            number("cr_version"),
            text("server_state"),
            number("alive_congested"),
            text("last_alive_congested"),
            number("dead_congested"),
            text("last_dead_congested"),
            number("stat_alive_failures"),
            number("stat_conn_failures"),
            text("conn_last_fail_time"),
            number("conn_failure_events"),
            text("alive_last_fail_time"),
            number("alive_failure_events"),
            number("ref_count"),
            number("detect_congested"),
            text("last_detect_congested"),
        ];
        result_set::put(out, sequence, status, &columns, self.rows);
    }
}

fn row(server: &ServerStanding, view: &ClusterView, clock: Clock) -> Row {
    let zone = view.zone(&server.server.zone);
    let flag = |is_set: bool| u8::from(is_set).to_string();
    let listed = server.last_listed;
    let is_dead = matches!(
        server.server.state,
        ServerState::Inactive | ServerState::Replay
    );
    [
        view.name.to_string(),
        server.server.zone.to_string(),
        zone.map(|zone| zone.region.to_string()).unwrap_or_default(),
        zone_state(zone.map(|zone| zone.state)).to_owned(),
        server.addr().to_string(),
        // One picture of the cluster lasts as long as the process.
        "1".to_owned(),
        server_state(server).to_owned(),
        flag(server.is_alive_listed),
        clock.text(listed.alive),
        flag(is_dead),
        clock.text(listed.status),
        server.failures.total.to_string(),
        server.unconnected.total.to_string(),
        clock.text(server.unconnected.last),
        server.unconnected.recent.to_string(),
        clock.text(server.failures.last),
        server.failures.recent.to_string(),
        "1".to_owned(),
        flag(server.detected != Detected::Alive),
        clock.text(listed.detect),
    ]
    .map(Some)
}

fn zone_state(state: Option<ZoneState>) -> &'static str {
    match state {
        Some(ZoneState::Active) | None => "ACTIVE",
        Some(ZoneState::Merging) => "MERGE",
        Some(ZoneState::Upgrade) => "UPGRADE",
    }
}

/// The cluster's word; `OBProxy` has none for a server that was taken out at the proxy.
fn server_state(server: &ServerStanding) -> &'static str {
    if server.standing == Standing::Drained {
        return "DRAINED";
    }
    match server.server.state {
        ServerState::Active => "ACTIVE",
        ServerState::Inactive => "INACTIVE",
        ServerState::Replay => "REPLAY",
        ServerState::Deleting => "DELETING",
        ServerState::Upgrade => "UPGRADE",
    }
}

/// The two clocks at one moment.
#[derive(Debug, Clone, Copy)]
struct Clock {
    monotonic: Instant,
    wall: SystemTime,
}

impl Clock {
    fn now() -> Self {
        Self {
            monotonic: Instant::now(),
            wall: SystemTime::now(),
        }
    }

    /// `2026-01-31 23:59:59` in local time; `0` for never.
    fn text(self, moment: Option<Instant>) -> String {
        let local = moment.and_then(|moment| {
            let ago = self.monotonic.saturating_duration_since(moment);
            LocalTime::of(self.wall.checked_sub(ago)?)
        });
        local.map_or_else(
            || "0".to_owned(),
            |LocalTime {
                 year,
                 month,
                 day,
                 hour,
                 minute,
                 second,
             }| {
                format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
            },
        )
    }
}
