//! EXPLAIN ROUTE: the router's explanation as a result set.

use crate::result_set;
use bytes::BytesMut;
use odp_protocol::StatusFlags;
use odp_routing::{
    Consistency, Decision, ExplainedLocation, ExplainedServer, Explanation, Freshness,
    NoServerReason, Placed,
};
use std::time::Duration;

/// An explanation with what the session adds to it.
#[derive(Debug)]
pub(crate) struct Explained {
    /// What the router says.
    pub(crate) explanation: Explanation,
    /// Why the session would not ask the router: its transaction or something else is held at a server.
    pub(crate) bound_to: Option<odp_cluster::ServerAddr>,
    /// The statement's verb.
    pub(crate) verb: String,
    /// How long the steps took.
    pub(crate) times: Times,
}

/// How long the steps took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    /// Reading the statement.
    pub(crate) outline: Duration,
    /// Waiting for the location; zero when it was known.
    pub(crate) lookup: Duration,
    /// Choosing the server.
    pub(crate) decision: Duration,
}

/// A row: step, item, detail and the time that the step took.
type Row = (&'static str, String, String, Option<Duration>);

impl Explained {
    /// Writes the result set.
    pub(crate) fn put(&self, out: &mut BytesMut, sequence: u8, status: StatusFlags) {
        let columns = [
            result_set::text("step"),
            result_set::text("item"),
            result_set::text("detail"),
            result_set::number("took_us"),
        ];
        let rows = self.rows().into_iter().map(|(step, item, detail, took)| {
            let took = took.map(|took| took.as_micros().to_string());
            [Some(step.to_owned()), Some(item), Some(detail), took]
        });
        result_set::put(out, sequence, status, &columns, rows);
    }

    fn rows(&self) -> Vec<Row> {
        let explanation = &self.explanation;
        let consistency = match explanation.consistency {
            Consistency::Strong => "strong",
            Consistency::Weak => "weak",
        };
        let detail = format!("{consistency} consistency");
        let mut rows = vec![(
            "statement",
            self.verb.clone(),
            detail,
            Some(self.times.outline),
        )];
        if let Some(table) = &explanation.table {
            let detail = match &explanation.location {
                Some(location) => location_words(location),
                None => "not known to the cluster, or without a location".to_owned(),
            };
            rows.push((
                "location",
                table.to_string(),
                detail,
                Some(self.times.lookup),
            ));
        }
        if let Some(location) = &explanation.location {
            let (item, detail) = placed_words(&location.placed);
            rows.push(("partition", item, detail, None));
        }
        let detail = "the order in which servers are tried".to_owned();
        rows.push(("policy", explanation.policy.to_owned(), detail, None));
        for server in &explanation.servers {
            let (item, detail) = (server.server.to_string(), server_words(server));
            rows.push(("candidate", item, detail, None));
        }
        let (item, detail) = self.route_words();
        rows.push(("route", item, detail, Some(self.times.decision)));
        rows
    }

    fn route_words(&self) -> (String, String) {
        let by_router = match &self.explanation.decision {
            Decision::Route(route) => (route.server.to_string(), route.reason.label().to_owned()),
            Decision::Lookup(key) => ("-".to_owned(), format!("{key} must be looked up")),
            Decision::Wait(wait) => ("-".to_owned(), format!("{} is being looked up", wait.table)),
            Decision::NoServer(reason) => {
                let why = match reason {
                    NoServerReason::NoCluster => "the cluster has not been reached yet",
                    NoServerReason::UnknownTenant => "the cluster has no such tenant",
                    NoServerReason::AllTried => "no server is left to try",
                };
                ("-".to_owned(), why.to_owned())
            }
        };
        match self.bound_to {
            Some(server) => (server.to_string(), "the session is bound to it".to_owned()),
            None => by_router,
        }
    }
}

fn location_words(location: &ExplainedLocation) -> String {
    let freshness = match location.freshness {
        Freshness::Fresh => "fresh",
        Freshness::Stale => "stale",
        Freshness::Refreshing => "refreshing",
    };
    format!(
        "{freshness}, {} s old, confirmed {} s ago, schema version {}, {} partitions",
        location.age.as_secs(),
        location.unconfirmed_for.as_secs(),
        location.schema_version,
        location.leaves,
    )
}

fn placed_words(placed: &Placed) -> (String, String) {
    match placed {
        Placed::In { partition, tablet } if partition.is_empty() => {
            ("-".to_owned(), format!("tablet {tablet}"))
        }
        Placed::In { partition, tablet } => (partition.clone(), format!("tablet {tablet}")),
        Placed::Several(server) => (
            "several".to_owned(),
            format!("most rows are led by {server}"),
        ),
        Placed::Unsure(unsure) => ("unsure".to_owned(), unsure.to_string()),
    }
}

fn server_words(server: &ExplainedServer) -> String {
    let named = |name: &str| if name.is_empty() { "-" } else { name }.to_owned();
    let role = match &server.replica {
        Some(replica) => format!("{:?} {:?}", replica.role, replica.replica_type).to_lowercase(),
        None => "no replica".to_owned(),
    };
    let standing = server
        .standing
        .map_or("unknown", |standing| standing.label());
    let tier = server.tier.unwrap_or("excluded by the policy");
    let pace = match server.response_time {
        Some(time) if server.is_slow => format!(", slow: answers in {time:.1?}"),
        Some(time) => format!(", answers in {time:.1?}"),
        None => String::new(),
    };
    let chosen = if server.is_chosen { ", chosen" } else { "" };
    format!(
        "{role}, zone {}, idc {}, region {}, standing {standing}{pace}, tier {tier}{chosen}",
        named(server.zone.as_str()),
        named(server.idc.as_str()),
        named(server.region.as_str()),
    )
}
