//! The live client sessions of a generation: their connection ids, and where each of them runs.

use odp_cluster::{ClientSessionId, ProxyId, ServerAddr, TenantName};
use odp_pool::AccountName;
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU32};
use tokio::sync::{Notify, OwnedRwLockReadGuard, RwLock};

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
    /// How many of the ids are server sessions'.
    of_servers: usize,
    /// Clients by their only server, where they have one.
    servers: HashMap<ServerAddr, usize>,
}

/// What others of this process may know of a live session, and do to it.
#[derive(Debug, Default)]
struct Seat {
    place: Mutex<Option<Place>>,
    /// Whose session it is; `None` before its login.
    account: Mutex<Option<AccountName>>,
    /// The client that has the server session of this id on loan; 0 for none.
    holder: AtomicU32,
    killed: Notify,
    /// Somebody has killed it; for the record of a session that has not noticed yet.
    is_killed: AtomicBool,
    /// Somebody is killing it.
    is_doomed: AtomicBool,
    /// Held by those who kill what runs at the place.
    aimed_at: Arc<RwLock<()>>,
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
    owner: Owner,
    ids: Arc<SessionIds>,
    seat: Arc<Seat>,
    place: Option<Place>,
    tenant: Option<TenantName>,
    server: Option<ServerAddr>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    Client,
    Server,
}

/// Somebody is about to kill what runs at a place. Until this is dropped, the client that runs it there
/// keeps its server session.
#[derive(Debug)]
pub struct Aim {
    /// The place.
    pub place: Place,
    _hold: OwnedRwLockReadGuard<()>,
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

    /// How many ids clients have.
    #[must_use]
    pub fn live(&self) -> usize {
        let state = self.state.lock();
        state.live.len().saturating_sub(state.of_servers)
    }

    /// The next id that no live session has, for a client. With more live sessions than ids (131,072),
    /// ids repeat.
    pub fn allocate(self: &Arc<Self>) -> LiveId {
        self.allocate_for(Owner::Client)
    }

    /// The same for a server session that clients share: its id is none of theirs.
    pub fn allocate_for_server(self: &Arc<Self>) -> LiveId {
        self.allocate_for(Owner::Server)
    }

    fn allocate_for(self: &Arc<Self>, owner: Owner) -> LiveId {
        let mut state = self.state.lock();
        let mut id = ClientSessionId::new(self.proxy, self.generation, state.sequence);
        for _ in 0..=state.live.len() {
            state.sequence = state.sequence.wrapping_add(1);
            id = ClientSessionId::new(self.proxy, self.generation, state.sequence);
            if !state.live.contains_key(&id) {
                break;
            }
        }
        self.seated(&mut state, id, owner)
    }

    /// Marks an id as in use that a session brought from an earlier generation.
    pub fn adopt(self: &Arc<Self>, id: ClientSessionId) -> LiveId {
        self.seated(&mut self.state.lock(), id, Owner::Client)
    }

    /// The same for a server session that clients share.
    pub fn adopt_for_server(self: &Arc<Self>, id: ClientSessionId) -> LiveId {
        self.seated(&mut self.state.lock(), id, Owner::Server)
    }

    fn seated(self: &Arc<Self>, state: &mut State, id: ClientSessionId, owner: Owner) -> LiveId {
        state.of_servers += usize::from(owner == Owner::Server);
        let seat = Arc::new(Seat::default());
        state.live.insert(id, Arc::clone(&seat));
        LiveId {
            id,
            owner,
            ids: Arc::clone(self),
            seat,
            place: None,
            tenant: None,
            server: None,
        }
    }

    /// Where the last request of the live session with this id went, to kill it there; `None` when there
    /// is no such session in this process, or it has not sent anything to a server.
    #[must_use]
    pub fn aim_at(&self, id: ClientSessionId) -> Option<Aim> {
        let seat = self.state.lock().live.get(&id).map(Arc::clone)?;
        let place = seat.place.lock();
        // Taken while the place is known: whoever leaves it waits for those who have seen it.
        let hold = Arc::clone(&seat.aimed_at).try_read_owned().ok()?;
        place.map(|place| Aim { place, _hold: hold })
    }

    /// Whose the live session of a client with this id is, in this process.
    pub(crate) fn account_of(&self, id: ClientSessionId) -> Option<AccountName> {
        let seat = self.state.lock().live.get(&id).map(Arc::clone)?;
        seat.account.lock().clone()
    }

    /// The ids of clients by the ids under which servers know what they run for them, where those differ:
    /// with server sessions that clients share, and with servers that take no client's id over.
    #[must_use]
    pub fn aliases(&self) -> BTreeMap<u32, u32> {
        let state = self.state.lock();
        let mut aliases = BTreeMap::new();
        for (id, seat) in &state.live {
            let holder = seat.holder.load(Relaxed);
            if holder != 0 {
                aliases.insert(id.get(), holder);
            }
            if let Some(place) = *seat.place.lock()
                && place.visible_id != id.get()
            {
                aliases.insert(place.visible_id, id.get());
            }
        }
        aliases
    }

    /// Notes whether somebody is killing the live session with this id: it knows then why a server
    /// session of its own ends.
    pub(crate) fn doom(&self, id: ClientSessionId, is_doomed: bool) {
        if let Some(seat) = self.state.lock().live.get(&id) {
            seat.is_doomed.store(is_doomed, Relaxed);
        }
    }

    /// Ends the live session with this id, if there is one in this process.
    pub fn kill(&self, id: ClientSessionId) {
        if let Some(seat) = self.state.lock().live.get(&id) {
            seat.is_killed.store(true, Relaxed);
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

    /// Notes whose session it is.
    pub(crate) fn is_of(&self, account: AccountName) {
        *self.seat.account.lock() = Some(account);
    }

    /// This is the id of a server session that `client` has from now on.
    pub fn lend_to(&self, client: ClientSessionId) {
        self.seat.holder.store(client.get(), Relaxed);
    }

    /// Nobody has it any more.
    pub fn comes_back(&self) {
        self.seat.holder.store(0, Relaxed);
    }

    /// The session's server session goes back to others: nobody is told of the place any more. Completes
    /// when whoever is about to kill what ran there is done.
    pub fn leaves_place(&mut self) -> impl Future<Output = ()> + use<> {
        self.place = None;
        *self.seat.place.lock() = None;
        let aimed_at = Arc::clone(&self.seat.aimed_at);
        async move { drop(aimed_at.write_owned().await) }
    }

    /// The same without waiting: `None` when nobody is about to kill what ran there.
    pub fn try_leave_place(&mut self) -> Option<impl Future<Output = ()> + use<>> {
        self.place = None;
        *self.seat.place.lock() = None;
        let is_aimed_at = self.seat.aimed_at.try_write().is_err();
        is_aimed_at.then(|| self.leaves_place())
    }

    /// Whether somebody is killing the session.
    pub(crate) fn is_doomed(&self) -> bool {
        self.seat.is_doomed.load(Relaxed)
    }

    /// Whether somebody has killed the session.
    pub(crate) fn is_killed(&self) -> bool {
        self.seat.is_killed.load(Relaxed)
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

    /// Counts the session as one of the server that has the fewest among `candidates`; of equal ones the
    /// turn decides. `None` when there are no candidates.
    pub fn join_server(&mut self, candidates: &[ServerAddr]) -> Option<ServerAddr> {
        self.leave_server();
        let mut state = self.ids.state.lock();
        let turn = usize::try_from(self.id.get()).unwrap_or_default() % candidates.len().max(1);
        let (later, sooner) = candidates.split_at(turn);
        let count = |server: &ServerAddr| state.servers.get(server).copied().unwrap_or_default();
        let server = sooner
            .iter()
            .chain(later)
            .min_by_key(|server| count(server))
            .copied()?;
        *state.servers.entry(server).or_default() += 1;
        self.server = Some(server);
        Some(server)
    }

    fn leave_server(&mut self) {
        if let Some(server) = self.server.take() {
            leave(&mut self.ids.state.lock().servers, &server);
        }
    }

    fn leave_tenant(&mut self) {
        if let Some(tenant) = self.tenant.take() {
            leave(&mut self.ids.state.lock().tenants, &tenant);
        }
    }
}

/// Counts one less of `key`; one that nobody has is forgotten.
fn leave<K: Eq + Hash>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

impl Drop for LiveId {
    fn drop(&mut self) {
        self.leave_tenant();
        self.leave_server();
        let mut state = self.ids.state.lock();
        state.of_servers -= usize::from(self.owner == Owner::Server);
        let live = &mut state.live;
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
        assert_eq!(ids.aim_at(id).map(|aim| aim.place), None);
        for port in [1, 2, 2] {
            let place = Place {
                server: format!("127.0.0.1:{port}").parse().unwrap(),
                visible_id: 70 + port,
            };
            session.goes_to(place);
            assert_eq!(ids.aim_at(id).map(|aim| aim.place), Some(place));
        }
        drop(session);
        assert_eq!(ids.aim_at(id).map(|aim| aim.place), None);
    }

    #[test]
    fn a_server_session_is_its_clients_as_long_as_that_has_it() {
        let ids = ids();
        let (mut client, server) = (ids.allocate(), ids.allocate_for_server());
        assert!(ids.aliases().is_empty());
        server.lend_to(client.get());
        let pair = (server.get().get(), client.get().get());
        assert_eq!(ids.aliases(), BTreeMap::from([pair]));
        server.comes_back();
        client.goes_to(Place {
            server: "127.0.0.1:1".parse().unwrap(),
            visible_id: 7,
        });
        let pair = (7, client.get().get());
        assert_eq!(ids.aliases(), BTreeMap::from([pair]));
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

    #[tokio::test]
    async fn a_place_is_left_when_the_kill_that_was_aimed_there_is_answered() {
        let ids = ids();
        let mut session = ids.allocate();
        session.goes_to(Place {
            server: "127.0.0.1:1".parse().unwrap(),
            visible_id: 7,
        });
        let aim = ids.aim_at(session.get()).unwrap();
        let left = session.leaves_place();
        assert!(
            ids.aim_at(session.get()).is_none(),
            "too late for another one"
        );
        let mut left = std::pin::pin!(left);
        tokio::select! {
            biased;
            () = &mut left => panic!("the kill is on its way"),
            () = std::future::ready(()) => {}
        }
        drop(aim);
        left.await;
    }

    #[test]
    fn a_server_session_that_clients_share_is_no_client() {
        let ids = ids();
        let (client, server) = (ids.allocate(), ids.allocate_for_server());
        assert_ne!(client.get(), server.get());
        assert_eq!(ids.live(), 1);
        drop(server);
        assert_eq!(ids.live(), 1);
    }

    #[test]
    fn a_session_joins_the_server_that_has_the_fewest() {
        let ids = ids();
        let servers: Vec<ServerAddr> = (1..=3)
            .map(|port| format!("127.0.0.1:{port}").parse().unwrap())
            .collect();
        let mut sessions: Vec<_> = (0..9).map(|_| ids.allocate()).collect();
        for session in &mut sessions {
            session.join_server(&servers).unwrap();
        }
        let counts = |ids: &SessionIds| {
            let state = ids.state.lock();
            let count = |server| state.servers.get(server).copied().unwrap_or_default();
            servers.iter().map(count).collect::<Vec<_>>()
        };
        assert_eq!(counts(&ids), [3, 3, 3]);
        sessions.retain(|session| session.server != Some(servers[1]));
        for expected in [[3, 1, 3], [3, 2, 3], [3, 3, 3]] {
            let mut session = ids.allocate();
            assert_eq!(session.join_server(&servers), Some(servers[1]));
            sessions.push(session);
            assert_eq!(counts(&ids), expected);
        }
        // One that is tried in vain is not counted there.
        let last = sessions.last_mut().unwrap();
        assert_eq!(last.join_server(&servers[..1]), Some(servers[0]));
        assert_eq!(counts(&ids), [4, 2, 3]);
        assert_eq!(last.join_server(&[]), None);
        drop(sessions);
        assert!(ids.state.lock().servers.is_empty());
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
