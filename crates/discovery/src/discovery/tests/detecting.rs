//! Servers that fall silent, with paused time.

use super::script::Script;
use super::*;
use odp_routing::{Detected, Evidence, FormerStanding, Sign, Standing};

async fn millis(millis: u64) {
    sleep(Duration::from_millis(millis)).await;
}

fn waiting(server: ServerAddr) -> Evidence {
    let sign = Sign::Waiting;
    Evidence { server, sign }
}

fn three_servers() -> Script {
    let script = Script::default();
    for number in 1..=3 {
        script.set(addr(number), cluster());
    }
    script
}

#[tokio::test(start_paused = true)]
async fn a_stopped_server_is_dead_in_two_seconds_and_back_in_one_probe() {
    let script = three_servers();
    with_discovery(&script.clone(), config(), |router, handle| async move {
        seconds(1).await;
        script.set(addr(3), Behaviour::Stopped);
        handle.report(waiting(addr(3)));
        let started = Instant::now();
        while router.vital(addr(3)) != Detected::Dead {
            assert!(started.elapsed() < Duration::from_secs(2));
            millis(10).await;
        }
        let standings = router.standings(Instant::now().into_std());
        let word = |number: usize| standings[number - 1].standing;
        assert_eq!((word(2), word(3)), (Standing::Ok, Standing::Detect));
        seconds(30).await;
        assert_eq!(router.vital(addr(3)), Detected::Dead);
        script.set(addr(3), cluster());
        millis(1001).await;
        assert_eq!(router.vital(addr(3)), Detected::Alive);
        let probes = script.probed(addr(3));
        seconds(60).await;
        assert_eq!(script.probed(addr(3)), probes, "nobody waits for it");
        assert_eq!(script.probed(addr(1)), 0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_broken_connection_has_its_server_probed_at_once() {
    let script = three_servers();
    with_discovery(&script.clone(), config(), |router, handle| async move {
        seconds(1).await;
        let broken = |server| Evidence {
            server,
            sign: Sign::Broken,
        };
        handle.report(broken(addr(2)));
        millis(50).await;
        assert_eq!(script.probed(addr(2)), 1);
        assert_eq!(router.vital(addr(2)), Detected::Alive);
        script.set(addr(3), Behaviour::Unreachable);
        handle.report(broken(addr(3)));
        millis(50).await;
        assert_eq!(router.vital(addr(3)), Detected::Unreachable);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_round_does_not_wait_for_a_server_that_is_found_dead() {
    let script = Script::default();
    script.set(addr(1), cluster());
    script.set(addr(2), cluster());
    with_discovery(&script.clone(), config(), |router, handle| async move {
        seconds(1).await;
        assert_eq!(handle.state().metadata, MetadataState::Connected(addr(1)));
        script.set(addr(1), Behaviour::Stopped);
        handle.report(waiting(addr(1)));
        handle.refresh_cluster();
        seconds(3).await;
        assert_eq!(router.vital(addr(1)), Detected::Dead);
        assert_eq!(handle.state().metadata, MetadataState::Connected(addr(2)));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_unreachable_server_of_an_earlier_process_is_probed_whatever_else_it_is_listed_for() {
    let server = |number, state| Server {
        addr: addr(number),
        zone: odp_cluster::ZoneName::new("z1"),
        state,
    };
    let view = ClusterView {
        servers: vec![
            server(1, ServerState::Active),
            server(2, ServerState::Inactive),
            server(3, ServerState::Active),
        ],
        metadata: Metadata::Available,
        version: 1,
        ..ClusterView::default()
    };
    let unreachable = |number| FormerStanding {
        server: addr(number),
        strikes: 0,
        probe_in: None,
        is_unreachable: true,
    };
    let router = Arc::new(Router::new(RouterLimits::default()));
    let now = Instant::now().into_std();
    router.set_view(view, now);
    router.relist(&[unreachable(1), unreachable(2), unreachable(3)], now);
    router.set_drained(&[addr(3)]);
    let words = |router: &Router| -> Vec<Standing> {
        let standings = router.standings(now);
        standings.iter().map(|it| it.standing).collect()
    };
    let listed = [Standing::Detect, Standing::Status, Standing::Drained];
    assert_eq!(words(&router), listed);
    let (discovery, _handle) =
        Discovery::with_source(Arc::clone(&router), config(), three_servers());
    let shutdown = CancellationToken::new();
    tokio::join!(discovery.run(shutdown.clone()), async {
        seconds(2).await;
        for number in 1..=3 {
            assert_eq!(router.vital(addr(number)), Detected::Alive, "{number}");
        }
        router.set_drained(&[]);
        assert_eq!(words(&router), [Standing::Ok; 3]);
        shutdown.cancel();
    });
}
