//! Somebody in the queue of a pool, who may go away at any time.

use crate::pools::{Parked, Place, Pools};
use crate::shelf::{Grant, WaiterId};
use std::sync::Arc;
use tokio::sync::oneshot;

/// A place in the queue. When it is dropped, what was granted meanwhile goes to the next.
#[derive(Debug)]
pub(crate) struct Waiting<N> {
    place: Arc<Place<N>>,
    id: WaiterId,
    answer: Option<oneshot::Receiver<Grant<Parked<N>>>>,
}

impl<N> Waiting<N> {
    pub(crate) fn new(
        place: &Arc<Place<N>>,
        id: WaiterId,
        answer: oneshot::Receiver<Grant<Parked<N>>>,
    ) -> Self {
        Self {
            place: Arc::clone(place),
            id,
            answer: Some(answer),
        }
    }

    /// Waits for what is granted.
    pub(crate) async fn granted(&mut self) -> Option<Grant<Parked<N>>> {
        let grant = self.answer.as_mut()?.await.ok();
        self.answer = None;
        grant
    }
}

impl<N> Drop for Waiting<N> {
    fn drop(&mut self) {
        let Some(mut answer) = self.answer.take() else {
            return;
        };
        let late = {
            let mut desk = self.place.desk.lock();
            desk.calls.remove(&self.id);
            if desk.shelf.give_up(self.id) {
                return;
            }
            answer.try_recv().ok()
        };
        match late {
            Some(Grant::Take(taken)) => {
                Pools::take_back(&self.place, taken.session, taken.life);
            }
            Some(Grant::Open) => {
                Pools::let_next(&self.place, crate::shelf::Shelf::not_opened);
            }
            None => {}
        }
    }
}
