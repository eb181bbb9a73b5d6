//! `/metrics`: the families of a snapshot and of the coordinator in Prometheus' text format.

use crate::snapshot::{Family, Kind};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use std::borrow::Cow;
use std::fmt;

/// The text of `/metrics`; `labels` stand on every sample, as `OBProxy`'s exporter has them.
pub(crate) fn text(families: Vec<Family>, labels: &[(&'static str, String)]) -> String {
    let labels = labels
        .iter()
        .map(|(name, value)| (Cow::Borrowed(*name), Cow::Owned(value.clone())));
    let mut registry = Registry::with_labels(labels);
    registry.register_collector(Box::new(Families(families)));
    let mut text = String::new();
    match prometheus_client::encoding::text::encode(&mut text, &registry) {
        Ok(()) => text,
        Err(error) => {
            tracing::error!(%error, "the metrics could not be written");
            String::new()
        }
    }
}

#[derive(Debug)]
struct Families(Vec<Family>);

impl Collector for Families {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        for family in self.0.iter().filter(|family| !family.samples.is_empty()) {
            let kind = match family.kind {
                Kind::Counter => MetricType::Counter,
                Kind::Gauge => MetricType::Gauge,
            };
            let mut metric = encoder.encode_descriptor(&family.name, &family.help, None, kind)?;
            for sample in &family.samples {
                let metric = metric.encode_family(&sample.labels)?;
                match family.kind {
                    Kind::Counter => ConstCounter::new(sample.value).encode(metric)?,
                    Kind::Gauge => ConstGauge::new(signed(sample.value)).encode(metric)?,
                }
            }
        }
        Ok(())
    }
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_written_with_their_labels_and_the_common_ones() {
        let families = vec![
            Family::new("odp_current_session", "Sessions.", Kind::Gauge)
                .with(&[("sessionType", "client")], 3)
                .with(&[("sessionType", "server")], 2),
            Family::new("odp_sql_request", "Statements.", Kind::Counter).with(&[], 7),
        ];
        let text = text(families, &[("namespace", "ODP".to_owned())]);
        for line in [
            "# TYPE odp_current_session gauge",
            "odp_current_session{namespace=\"ODP\",sessionType=\"client\"} 3",
            "odp_current_session{namespace=\"ODP\",sessionType=\"server\"} 2",
            "odp_sql_request_total{namespace=\"ODP\"} 7",
            "# EOF",
        ] {
            assert!(
                text.lines().any(|found| found == line),
                "{line} is not in\n{text}"
            );
        }
    }
}
