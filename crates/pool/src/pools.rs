//! The pools of all threads: a shelf for each account at a server, the queue at it, and the gate of each
//! server.

use crate::loan::{Lent, Loan, OpenSlot};
use crate::overview::{AccountAt, Past, PoolSizes};
use crate::pool_counters::PoolCounters;
use crate::settings::{PoolMode, PoolSettings};
use crate::shelf::{Answer, Back, Grant, Kind, Life, Retired, Shelf, Taken, WaiterId, Wish};
use crate::waiting::Waiting;
use crate::{ClientLogin, PoolError, PoolKey, ServerSession};
use odp_cluster::ServerAddr;
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, OnceLock};
use std::time::Instant;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// All pools; `N` is what is noted of a session's state beside it.
#[derive(Debug)]
pub struct Pools<N> {
    settings: PoolSettings,
    pub(crate) shelves: Mutex<Shelves<N>>,
    gates: Mutex<HashMap<ServerAddr, Arc<Semaphore>>>,
    /// What the pools counted that are no longer there.
    pub(crate) past: Mutex<Past>,
}

/// Every shelf, and every key that has a place on one.
#[derive(Debug)]
pub(crate) struct Shelves<N> {
    pub(crate) places: HashMap<PoolKey, Arc<Place<N>>>,
    desks: HashMap<AccountAt, Arc<Mutex<Desk<N>>>>,
}

/// A session at rest, with what is known of its state.
#[derive(Debug)]
pub struct Parked<N> {
    /// The session.
    pub session: ServerSession,
    /// What is known of its state.
    pub notes: N,
}

/// The place of one key on the shelf of its account.
#[derive(Debug)]
pub(crate) struct Place<N> {
    pub(crate) key: PoolKey,
    pub(crate) mode: PoolMode,
    /// What its sessions are on the shelf.
    pub(crate) kind: Kind,
    pub(crate) desk: Arc<Mutex<Desk<N>>>,
    pub(crate) counters: Arc<PoolCounters>,
    /// How sessions are opened ahead.
    template: OnceLock<ClientLogin>,
}

/// The shelf of an account at a server, and those who wait at it.
#[derive(Debug)]
pub(crate) struct Desk<N> {
    pub(crate) shelf: Shelf<Parked<N>>,
    pub(crate) calls: HashMap<WaiterId, oneshot::Sender<Grant<Parked<N>>>>,
    /// What is counted of each kind: a session may be given up for one of another kind.
    counters: BTreeMap<Kind, Arc<PoolCounters>>,
}

/// A session to be opened before anybody asks.
#[derive(Debug)]
pub struct Ahead<N> {
    /// What it is for.
    pub key: PoolKey,
    /// How to log in.
    pub login: ClientLogin,
    /// The right to open it.
    pub slot: OpenSlot<N>,
}

/// What a borrower needs.
#[derive(Debug, Clone, Copy)]
pub struct Need {
    /// The number of the thread that will drive the session.
    pub thread: usize,
    /// Whether only a session will do whose current database was never chosen.
    pub is_bare: bool,
    /// How sessions of this identity are pooled.
    pub mode: PoolMode,
}

impl<N> Pools<N> {
    /// Empty pools.
    #[must_use]
    pub fn new(settings: PoolSettings) -> Arc<Self> {
        Arc::new(Self {
            settings,
            shelves: Mutex::new(Shelves {
                places: HashMap::new(),
                desks: HashMap::new(),
            }),
            gates: Mutex::default(),
            past: Mutex::default(),
        })
    }

    /// The bounds.
    #[must_use]
    pub fn settings(&self) -> &PoolSettings {
        &self.settings
    }

    /// Lends a session of `key`, or the right to open one, before the deadline (`wait_timeout`).
    ///
    /// May be dropped at any wait.
    ///
    /// # Errors
    /// [`PoolError::Exhausted`] at the deadline or when too many wait already.
    pub async fn lend(self: &Arc<Self>, key: &PoolKey, need: Need) -> Result<Lent<N>, PoolError> {
        let place = self.place(key, need.mode);
        let started = Instant::now();
        loop {
            let taken = match Self::ask(&place, need) {
                Asked::Taken(taken) => taken,
                Asked::Open => {
                    return Ok(Lent::Open(OpenSlot::new(self, &place, need.thread)));
                }
                Asked::Full => {
                    place.counters.refused_waits.fetch_add(1, Relaxed);
                    return Err(exhausted(key, started));
                }
                Asked::Waiting(waiting) => match self.wait(waiting, &place, started).await? {
                    Grant::Take(taken) => taken,
                    Grant::Open => {
                        return Ok(Lent::Open(OpenSlot::new(self, &place, need.thread)));
                    }
                },
            };
            if let Some(lent) = Self::prepare(&place, taken, need.thread).await {
                return Ok(lent);
            }
        }
    }

    fn ask(place: &Arc<Place<N>>, need: Need) -> Asked<N> {
        let wish = Wish {
            kind: place.kind,
            is_bare: need.is_bare,
        };
        let mut desk = place.desk.lock();
        match desk.shelf.ask(wish, need.thread, Instant::now()) {
            Answer::Take(taken) => Asked::Taken(taken),
            Answer::Open => Asked::Open,
            Answer::OpenInPlaceOf(surplus, kind) => {
                desk.retired(kind, Retired::Surplus);
                drop(desk);
                drop(surplus);
                Asked::Open
            }
            Answer::Full => Asked::Full,
            Answer::Wait(id) => {
                let (call, answer) = oneshot::channel();
                desk.calls.insert(id, call);
                Asked::Waiting(Waiting::new(place, id, answer))
            }
        }
    }

    async fn wait(
        &self,
        mut waiting: Waiting<N>,
        place: &Place<N>,
        started: Instant,
    ) -> Result<Grant<Parked<N>>, PoolError> {
        let limit = self.settings.wait_timeout.saturating_sub(started.elapsed());
        let granted = tokio::time::timeout(limit, waiting.granted()).await;
        place.counters.waited(started.elapsed());
        if let Ok(Some(grant)) = granted {
            return Ok(grant);
        }
        place.counters.wait_timeouts.fetch_add(1, Relaxed);
        Err(exhausted(&place.key, started))
    }

    /// Makes sure that a session that was idle lives, and belongs to this thread; `None` when it is of
    /// no use.
    async fn prepare(
        place: &Arc<Place<N>>,
        taken: Taken<Parked<N>>,
        thread: usize,
    ) -> Option<Lent<N>> {
        let Taken {
            session: mut parked,
            life,
            ask_first,
        } = taken;
        // Dropped where this fails: the session counts as gone then.
        let mut loan = Loan::new(place, life.expires, thread);
        if life.thread != thread {
            place.counters.moved.fetch_add(1, Relaxed);
            if parked.session.stream.move_to_this_thread().is_err() {
                loan.is_dead();
                return None;
            }
        }
        if parked.session.stream.has_stirred()
            || (ask_first && parked.session.ping().await.is_err())
        {
            loan.is_dead();
            return None;
        }
        place.counters.reused.fetch_add(1, Relaxed);
        Some(Lent::Idle(parked, loan))
    }

    /// Waits for the turn to log in at a server (`connect_concurrency_max`), before the deadline.
    ///
    /// # Errors
    /// [`PoolError::Timeout`] at the deadline.
    pub async fn admission(&self, addr: ServerAddr) -> Result<Admission, PoolError> {
        let most = self.settings.connect_concurrency_max;
        if most == 0 {
            return Ok(Admission(None));
        }
        let gate = {
            let mut gates = self.gates.lock();
            Arc::clone(
                gates
                    .entry(addr)
                    .or_insert_with(|| Arc::new(Semaphore::new(most))),
            )
        };
        let limit = self.settings.wait_timeout;
        let turn = tokio::time::timeout(limit, gate.acquire_owned()).await;
        match turn {
            Ok(Ok(permit)) => Ok(Admission(Some(permit))),
            _ => Err(PoolError::Timeout {
                addr,
                step: "the logins before this one",
                limit_ms: limit.as_millis(),
            }),
        }
    }

    /// Notes how sessions of this key are opened ahead.
    pub fn note_template(
        &self,
        key: &PoolKey,
        mode: PoolMode,
        login: impl FnOnce() -> ClientLogin,
    ) {
        if self.settings.min_idle > 0 {
            self.place(key, mode).template.get_or_init(login);
        }
    }

    /// Counts a login of a client of this key that needed none of its sessions. The key is in use by that.
    pub fn note_saved_login(&self, key: &PoolKey, mode: PoolMode) {
        let place = self.place(key, mode);
        place.counters.saved_logins.fetch_add(1, Relaxed);
        let mut desk = place.desk.lock();
        desk.shelf.is_in_use(place.kind, Instant::now());
    }

    /// What should be opened ahead now, by the caller's thread.
    pub fn open_ahead(self: &Arc<Self>, thread: usize, now: Instant) -> Vec<Ahead<N>> {
        let places: Vec<_> = self.shelves.lock().places.values().cloned().collect();
        let mut ahead = Vec::new();
        for place in places {
            let Some(template) = place.template.get() else {
                continue;
            };
            let count = place.desk.lock().shelf.open_ahead(place.kind, now);
            for _ in 0..count {
                let slot = OpenSlot::new(self, &place, thread);
                ahead.push(Ahead {
                    key: place.key.clone(),
                    login: template.clone(),
                    slot,
                });
            }
        }
        ahead
    }

    /// Gives up what is too old or was idle for too long.
    pub fn sweep(&self, now: Instant) {
        let mut given_up = Vec::new();
        let mut shelves = self.shelves.lock();
        let Shelves { places, desks } = &mut *shelves;
        places.retain(|key, place| {
            let mut desk = place.desk.lock();
            for (parked, why) in desk.shelf.sweep(place.kind, now) {
                place.counters.retired(why);
                given_up.push(parked);
            }
            let stays = !desk.shelf.is_deserted(place.kind, now) || Arc::strong_count(place) > 1;
            if !stays {
                self.past.lock().add(key, &place.counters.read());
                desk.counters.remove(&place.kind);
                if desk.shelf.remove_kind(place.kind) {
                    desks.remove(&key.account_at());
                }
            }
            stays
        });
        drop(shelves);
    }

    /// Gives up the idle sessions whose identity no longer is one that logs in.
    pub fn retire_idle(&self, mut is_outdated: impl FnMut(&PoolKey) -> bool) {
        let mut given_up = Vec::new();
        for (key, place) in &self.shelves.lock().places {
            if is_outdated(key) {
                let idle = place.desk.lock().shelf.empty(place.kind);
                let count = u64::try_from(idle.len()).unwrap_or(u64::MAX);
                place.counters.retired_account.fetch_add(count, Relaxed);
                given_up.extend(idle);
            }
        }
    }

    fn place(&self, key: &PoolKey, mode: PoolMode) -> Arc<Place<N>> {
        let mut shelves = self.shelves.lock();
        let Shelves { places, desks } = &mut *shelves;
        if let Some(place) = places.get(key) {
            return Arc::clone(place);
        }
        let desk = desks.entry(key.account_at()).or_insert_with(|| {
            Arc::new(Mutex::new(Desk {
                shelf: Shelf::new(self.settings.limits(mode)),
                calls: HashMap::new(),
                counters: BTreeMap::new(),
            }))
        });
        let (kind, counters) = desk.lock().add_kind();
        let place = Arc::new(Place {
            key: key.clone(),
            mode,
            kind,
            desk: Arc::clone(desk),
            counters,
            template: OnceLock::new(),
        });
        places.insert(key.clone(), Arc::clone(&place));
        place
    }

    /// A lent session comes back in order.
    pub(crate) fn take_back(place: &Place<N>, parked: Parked<N>, life: Life) {
        let mut desk = place.desk.lock();
        let surplus = match desk.shelf.give_back(parked, life, Instant::now()) {
            Back::Kept => None,
            Back::KeptInPlaceOf(surplus, kind) => {
                desk.retired(kind, Retired::Surplus);
                Some(surplus)
            }
            Back::Retired(parked, why) => {
                place.counters.retired(why);
                Some(parked)
            }
            Back::Granted(waiter, grant) => {
                grant_to(place, &mut desk, waiter, grant);
                None
            }
            Back::Replaced(parked, waiter) => {
                place.counters.retired(Retired::Surplus);
                grant_to(place, &mut desk, waiter, Grant::Open);
                Some(parked)
            }
        };
        drop(desk);
        drop(surplus);
    }

    /// A lent session, or the right to open one, is gone.
    pub(crate) fn let_next(
        place: &Place<N>,
        next: impl FnOnce(&mut Shelf<Parked<N>>, Kind) -> Option<WaiterId>,
    ) {
        let mut desk = place.desk.lock();
        if let Some(waiter) = next(&mut desk.shelf, place.kind) {
            grant_to(place, &mut desk, waiter, Grant::Open);
        }
    }
}

/// Tells a waiter; it takes its name off the list under the same lock, so it is there.
fn grant_to<N>(place: &Place<N>, desk: &mut Desk<N>, waiter: WaiterId, grant: Grant<Parked<N>>) {
    let refused = match desk.calls.remove(&waiter) {
        Some(call) => call.send(grant).err(),
        None => Some(grant),
    };
    if refused.is_some() {
        tracing::error!(server = %place.key.server, "a granted session found nobody");
    }
}

impl<N> Desk<N> {
    fn add_kind(&mut self) -> (Kind, Arc<PoolCounters>) {
        let kind = self.shelf.add_kind(Instant::now());
        let counters = Arc::new(PoolCounters::default());
        self.counters.insert(kind, Arc::clone(&counters));
        (kind, counters)
    }

    fn retired(&self, kind: Kind, why: Retired) {
        if let Some(counters) = self.counters.get(&kind) {
            counters.retired(why);
        }
    }

    pub(crate) fn sizes(&self, kind: Kind) -> PoolSizes {
        PoolSizes {
            idle: self.shelf.idle(kind),
            in_use: self.shelf.in_use(kind),
            waiting: self.shelf.waiting(kind),
        }
    }
}

/// What a borrower was told.
enum Asked<N> {
    Taken(Taken<Parked<N>>),
    Open,
    Full,
    Waiting(Waiting<N>),
}

fn exhausted(key: &PoolKey, started: Instant) -> PoolError {
    PoolError::Exhausted {
        addr: key.server,
        waited_ms: started.elapsed().as_millis(),
    }
}

/// The turn to log in at a server; ends when it is dropped.
#[derive(Debug)]
pub struct Admission(
    #[expect(dead_code, reason = "held for its end")] Option<OwnedSemaphorePermit>,
);
