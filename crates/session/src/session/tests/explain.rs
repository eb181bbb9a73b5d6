//! EXPLAIN ROUTE through a whole session.

use super::*;
use odp_protocol::TextRow;

/// The rows of one answer of the proxy.
async fn rows_of(sql: &str) -> Vec<Vec<String>> {
    let (_lifecycle, watcher) = watch::channel(Lifecycle::Serving);
    let context = Rc::new(context(watcher));
    let (near, client) = tokio::io::duplex(PIPE);
    let mut near = stream(near);
    // Nobody serves behind these pipes: an answer can only be the proxy's own.
    let (first, _far) = tokio::io::duplex(PIPE);
    let (second, _away) = tokio::io::duplex(PIPE);
    let mut session = session(client, [first, second], &context);
    let worker = tokio::task::spawn_local(async move {
        session.run(&context).await.ok();
    });
    near.put_packet(0, &query(sql));
    near.flush().await.unwrap();
    let mut received = Vec::new();
    read_answer(&mut near, 3, &mut received).await;
    drop(near);
    worker.await.unwrap();
    let mut packets = Vec::new();
    let mut rest = &received[..];
    while let Some(header) = FrameHeader::read(rest) {
        packets.push(&rest[4..4 + header.payload]);
        rest = &rest[4 + header.payload..];
    }
    // One packet with the number of columns, four columns, two EOFs.
    let rows = &packets[6..packets.len() - 1];
    let text = |value: Result<Option<&[u8]>, _>| {
        let value = value.unwrap().unwrap_or(b"NULL");
        String::from_utf8_lossy(value).into_owned()
    };
    rows.iter()
        .map(|row| TextRow::new(row).map(text).collect())
        .collect()
}

#[test]
fn explain_route_tells_table_candidates_and_rule_without_asking_a_server() {
    let rows = in_local_set(rows_of("explain route select * from a where k = 1"));
    let steps: Vec<&str> = rows.iter().map(|row| row[0].as_str()).collect();
    assert_eq!(steps[..4], ["statement", "location", "partition", "policy"]);
    assert_eq!(rows[0][1..3], ["Select", "strong consistency"]);
    let chosen: Vec<_> = rows
        .iter()
        .filter(|row| row[2].ends_with(", chosen"))
        .collect();
    let route = rows.last().unwrap();
    assert_eq!(chosen.len(), 1, "{rows:?}");
    assert_eq!((route[0].as_str(), &route[1]), ("route", &chosen[0][1]));
    assert_eq!(route[2], "leader");
    assert!(chosen[0][2].starts_with("leader full, zone "), "{rows:?}");
    assert!(route[3].parse::<u64>().is_ok(), "{rows:?}");
}
