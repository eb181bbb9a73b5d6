//! A hold on a running coordinator.

use crate::event::Event;
use crate::status::Status;
use crate::table::{Command, State};
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot, watch};

/// Asks a coordinator, tells it what to do. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Handle {
    pub(crate) status: watch::Receiver<Arc<Status>>,
    pub(crate) wishes: mpsc::Sender<Wish>,
}

/// Why a command is not carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The state does not admit it.
    State(State),
    /// The state would, but this operation is under way.
    Busy(u64),
    /// The coordinator is about to end.
    Ending,
}

#[derive(Debug)]
pub(crate) enum Wish {
    Event(Event),
    Command(u64, Command, oneshot::Sender<Result<(), Refusal>>),
    Notice(Vec<u8>),
}

impl Handle {
    /// The status now; never waits.
    #[must_use]
    pub fn status(&self) -> Arc<Status> {
        Arc::clone(&self.status.borrow())
    }

    /// Waits until the status has changed, and returns it; none when the coordinator has ended.
    pub async fn changed(&mut self) -> Option<Arc<Status>> {
        self.status.changed().await.ok()?;
        Some(Arc::clone(&self.status.borrow_and_update()))
    }

    /// Has a command carried out as the operation `id`, if the state admits it.
    ///
    /// # Errors
    /// Why it is not.
    pub async fn command(&self, id: u64, command: Command) -> Result<(), Refusal> {
        let (answer, answered) = oneshot::channel();
        let wish = Wish::Command(id, command, answer);
        self.wishes.send(wish).await.map_err(|_| Refusal::Ending)?;
        answered.await.unwrap_or(Err(Refusal::Ending))
    }

    /// Tells this to every generation there is, and to those that come before they accept.
    pub async fn notice(&self, notice: Vec<u8>) {
        // A coordinator that has ended has no data plane to tell.
        self.wishes.send(Wish::Notice(notice)).await.ok();
    }

    /// Ends everything, with a drain; the coordinator's run returns then.
    pub async fn exit(&self) {
        self.wish(Event::Exit).await;
    }

    /// Ends everything now.
    pub async fn force(&self) {
        self.wish(Event::ForceExit).await;
    }

    async fn wish(&self, event: Event) {
        // A coordinator that has ended has fulfilled every wish of this kind.
        self.wishes.send(Wish::Event(event)).await.ok();
    }
}
