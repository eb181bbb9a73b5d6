//! The hot path does not allocate: counted for each pure function, and for a whole session over TCP.

#[cfg(test)]
mod tests {
    use allocation_counter::measure;
    use odp_benches::client::Login;
    use odp_benches::workload::{Session, Workload};
    use odp_benches::{Error, hot, observer};

    use odp_routing::TableKey;
    use odp_session::{Context, Lifecycle, Lookup, Settings};
    use odp_tests::port;

    use std::net::{Ipv4Addr, SocketAddr};
    use std::pin::Pin;
    use std::rc::Rc;
    use std::sync::Arc;
    use std::time::{Duration, Instant};
    use tokio::net::TcpListener;
    use tokio::sync::watch;
    use tokio::task::LocalSet;

    #[test]
    fn no_hot_function_allocates() {
        let mut found = Vec::new();
        for name in hot::NAMES {
            let mut hot = hot::by_name(name).unwrap();
            hot.run();
            let count = measure(|| hot.run()).count_total;
            if count > 0 {
                found.push((name, count));
            }
        }
        assert!(found.is_empty(), "allocations of one run: {found:?}");
    }

    #[test]
    fn a_session_does_not_allocate_for_a_point_select() {
        const FEW: u32 = 100;
        const MANY: u32 = 1100;
        let ports: Vec<u16> = (0..observer::SERVERS)
            .map(|_| port::free().unwrap())
            .collect();
        let addrs = observer::addresses(&ports);
        std::thread::spawn(move || observer::run(&ports));
        wait_for(&addrs);
        let few = allocations_of_a_session(&addrs, FEW);
        let many = allocations_of_a_session(&addrs, MANY);
        let each = f64::from(many.saturating_sub(few)) / f64::from(MANY - FEW);
        assert!(few > 0, "the login is counted");
        // Once in a while a table grows or a timer is set up.
        assert!(each < 0.01, "{each} allocations for each point select");
    }

    fn wait_for(addrs: &[SocketAddr]) {
        for addr in addrs {
            let deadline = Instant::now() + Duration::from_secs(10);
            while std::net::TcpStream::connect(addr).is_err() {
                assert!(Instant::now() < deadline, "the fake server does not start");
                std::thread::yield_now();
            }
        }
    }

    /// What the thread of a session allocates from the client's connection to its end.
    fn allocations_of_a_session(servers: &[SocketAddr], queries: u32) -> u32 {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let (_running, lifecycle) = watch::channel(Lifecycle::Serving);
        let router = Arc::new(hot::router(servers, Instant::now()));
        let lookup = Rc::new(Nothing);
        let context = Rc::new(Context::alone(
            Settings::default(),
            router,
            lookup,
            lifecycle,
        ));
        let place = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener = runtime.block_on(TcpListener::bind(place)).unwrap();
        let addr = listener.local_addr().unwrap();
        let client = std::thread::spawn(move || query(addr, queries));
        let serve = async {
            let (stream, peer) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            odp_session::serve(stream, peer, context).await;
        };
        let count = measure(|| LocalSet::new().block_on(&runtime, serve)).count_total;
        client.join().unwrap().unwrap();
        u32::try_from(count).unwrap()
    }

    fn query(addr: SocketAddr, queries: u32) -> Result<(), Error> {
        let login = Login {
            user: "app@demo".to_owned(),
            password: "app".to_owned(),
            database: "test".to_owned(),
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(Error::io("start a runtime"))?;
        runtime.block_on(async {
            let mut session = Session::open(Workload::Point, addr, &login, 1).await?;
            for _ in 0..queries {
                session.work(&login).await?;
            }
            Ok(())
        })
    }

    /// The router knows everything already.
    struct Nothing;

    impl Lookup for Nothing {
        fn lookup(&self, _: TableKey) -> Pin<Box<dyn Future<Output = ()> + '_>> {
            Box::pin(std::future::ready(()))
        }

        fn refresh(&self, _: &TableKey) {}

        fn settled(&self, _: TableKey) -> Pin<Box<dyn Future<Output = ()> + '_>> {
            Box::pin(std::future::ready(()))
        }

        fn report(&self, _: odp_routing::Evidence) {}

        fn refresh_cluster(&self) {}
    }
}
