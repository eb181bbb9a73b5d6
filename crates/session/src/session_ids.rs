//! The live client sessions of a generation: their connection ids, and where each of them runs.

use odp_cluster::{ClientSessionId, ProxyId, ServerAddr, TenantName};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::Notify;

/// Hands out connection ids and knows who has them; shared by the workers of a generation. As large as
/// there are clients.
#[derive(Debug)]
pub struct SessionIds {
    proxy: ProxyId,
    generation: u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    sequence: u32,
    live: HashMap<ClientSessionId, Arc<Seat>>,
    tenants: HashMap<TenantName, usize>,
}

/// What others of this process may know of a live session, and do to it.
#[derive(Debug, Default)]
struct Seat {
    place: Mutex<Option<Place>>,
    killed: Notify,
}

/// The server session that a client's last request went to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The server.
    pub server: ServerAddr,
    /// What `KILL` calls the server session there: not always the client's own id.
    pub visible_id: u32,
}

/// An id that is in use until this is dropped.
#[derive(Debug)]
pub struct LiveId {
    id: ClientSessionId,
    ids: Arc<SessionIds>,
    seat: Arc<Seat>,
    place: Option<Place>,
    tenant: Option<TenantName>,
}

impl SessionIds {
    /// The ids of `generation` of `proxy`.
    #[must_use]
    pub fn new(proxy: ProxyId, generation: u64) -> Arc<Self> {
        Arc::new(Self {
            proxy,
            generation,
            state: Mutex::default(),
        })
    }

    /// How many ids are in use.
    #[must_use]
    pub fn live(&self) -> usize {
        self.state.lock().live.len()
    }

    /// The next id that no live session has. With more live sessions than ids (131,072), ids repeat.
    pub fn allocate(self: &Arc<Self>) -> LiveId {
        let mut state = self.state.lock();
        let mut id = ClientSessionId::new(self.proxy, self.generation, state.sequence);
        for _ in 0..=state.live.len() {
            state.sequence = state.sequence.wrapping_add(1);
            id = ClientSessionId::new(self.proxy, self.generation, state.sequence);
            if !state.live.contains_key(&id) {
                break;
            }
        }
        self.seated(&mut state, id)
    }

    /// Marks an id as in use that a session brought from an earlier generation.
    pub fn adopt(self: &Arc<Self>, id: ClientSessionId) -> LiveId {
        self.seated(&mut self.state.lock(), id)
    }

    fn seated(self: &Arc<Self>, state: &mut State, id: ClientSessionId) -> LiveId {
        let seat = Arc::new(Seat::default());
        state.live.insert(id, Arc::clone(&seat));
        LiveId {
            id,
            ids: Arc::clone(self),
            seat,
            place: None,
            tenant: None,
        }
    }

    /// Where the last request of the live session with this id went; `None` when there is no such
    /// session in this process, or it has not sent anything to a server.
    #[must_use]
    pub fn place_of(&self, id: ClientSessionId) -> Option<Place> {
        let seat = self.state.lock().live.get(&id).map(Arc::clone)?;
        *seat.place.lock()
    }

    /// Ends the live session with this id, if there is one in this process.
    pub fn kill(&self, id: ClientSessionId) {
        if let Some(seat) = self.state.lock().live.get(&id) {
            seat.killed.notify_one();
        }
    }
}

impl LiveId {
    /// The id.
    #[must_use]
    pub fn get(&self) -> ClientSessionId {
        self.id
    }

    /// Notes where a request goes. Costs nothing while it is always the same place.
    pub fn goes_to(&mut self, place: Place) {
        if self.place != Some(place) {
            self.place = Some(place);
            *self.seat.place.lock() = Some(place);
        }
    }

    /// Completes when somebody has killed the session.
    pub fn killed(&self) -> impl Future<Output = ()> + use<> {
        let seat = Arc::clone(&self.seat);
        async move { seat.killed.notified().await }
    }

    /// Counts the session as one of `tenant`, unless the tenant has `limit` already (0 is without
    /// limit); says whether it is counted.
    pub fn join_tenant(&mut self, tenant: &TenantName, limit: usize) -> bool {
        self.leave_tenant();
        let mut state = self.ids.state.lock();
        let count = state.tenants.entry(tenant.clone()).or_default();
        if limit > 0 && *count >= limit {
            return false;
        }
        *count += 1;
        self.tenant = Some(tenant.clone());
        true
    }

    fn leave_tenant(&mut self) {
        let Some(tenant) = self.tenant.take() else {
            return;
        };
        let mut state = self.ids.state.lock();
        if let Some(count) = state.tenants.get_mut(&tenant) {
            *count -= 1;
            if *count == 0 {
                state.tenants.remove(&tenant);
            }
        }
    }
}

impl Drop for LiveId {
    fn drop(&mut self) {
        self.leave_tenant();
        let live = &mut self.ids.state.lock().live;
        // With more sessions than ids, the id may be somebody else's by now.
        if live
            .get(&self.id)
            .is_some_and(|seat| Arc::ptr_eq(seat, &self.seat))
        {
            live.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids() -> Arc<SessionIds> {
        SessionIds::new(ProxyId::new(3).unwrap(), 0)
    }

    #[test]
    fn an_id_in_use_is_not_given_twice_even_after_a_wrap() {
        let ids = ids();
        let first = ids.allocate();
        ids.state.lock().sequence = first.get().get().wrapping_sub(1);
        let second = ids.allocate();
        assert_ne!(first.get(), second.get());
        drop(first);
        assert_eq!(ids.live(), 1);
    }

    #[test]
    fn a_session_is_found_where_its_last_request_went() {
        let ids = ids();
        let mut session = ids.allocate();
        let id = session.get();
        assert_eq!(ids.place_of(id), None);
        for port in [1, 2, 2] {
            let place = Place {
                server: format!("127.0.0.1:{port}").parse().unwrap(),
                visible_id: 70 + port,
            };
            session.goes_to(place);
            assert_eq!(ids.place_of(id), Some(place));
        }
        drop(session);
        assert_eq!(ids.place_of(id), None);
    }

    #[tokio::test]
    async fn a_kill_reaches_the_session_that_has_the_id_and_waits_for_it() {
        let ids = ids();
        let (session, other) = (ids.allocate(), ids.allocate());
        ids.kill(session.get());
        tokio::select! {
            biased;
            () = other.killed() => panic!("the other session was not meant"),
            () = session.killed() => {}
        }
    }

    #[test]
    fn a_tenant_has_no_more_sessions_than_its_limit() {
        let ids = ids();
        let tenant = TenantName::new("demo");
        let (mut one, mut two, mut three) = (ids.allocate(), ids.allocate(), ids.allocate());
        assert!(one.join_tenant(&tenant, 2));
        assert!(two.join_tenant(&tenant, 2));
        assert!(!three.join_tenant(&tenant, 2));
        assert!(three.join_tenant(&TenantName::new("other"), 2));
        assert!(!three.join_tenant(&tenant, 2));
        // Who changes its user stays in its tenant.
        assert!(one.join_tenant(&tenant, 2));
        drop(two);
        assert!(three.join_tenant(&tenant, 2));
        drop((one, three));
        assert!(ids.state.lock().tenants.is_empty());
    }
}
