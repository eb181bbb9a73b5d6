//! Connection ids: unique among the live sessions of a generation.

use odp_cluster::{ClientSessionId, ProxyId};
use parking_lot::Mutex;
use std::collections::HashSet;
use std::sync::Arc;

/// Hands out connection ids; shared by the workers of a generation.
#[derive(Debug)]
pub struct SessionIds {
    proxy: ProxyId,
    generation: u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    sequence: u32,
    live: HashSet<ClientSessionId>,
}

/// An id that is in use until this is dropped.
#[derive(Debug)]
pub struct LiveId {
    id: ClientSessionId,
    ids: Arc<SessionIds>,
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
            if !state.live.contains(&id) {
                break;
            }
        }
        state.live.insert(id);
        LiveId {
            id,
            ids: Arc::clone(self),
        }
    }

    /// Marks an id as in use that a session brought from an earlier generation.
    pub fn adopt(self: &Arc<Self>, id: ClientSessionId) -> LiveId {
        self.state.lock().live.insert(id);
        LiveId {
            id,
            ids: Arc::clone(self),
        }
    }
}

impl LiveId {
    /// The id.
    #[must_use]
    pub fn get(&self) -> ClientSessionId {
        self.id
    }
}

impl Drop for LiveId {
    fn drop(&mut self) {
        self.ids.state.lock().live.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_in_use_is_not_given_twice_even_after_a_wrap() {
        let ids = SessionIds::new(ProxyId::new(3).unwrap(), 0);
        let first = ids.allocate();
        ids.state.lock().sequence = first.get().get().wrapping_sub(1);
        let second = ids.allocate();
        assert_ne!(first.get(), second.get());
        drop(first);
        assert_eq!(ids.live(), 1);
    }
}
