//! Where the server sessions go that a client leaves: back to their pool, or to their end.

use crate::borrow::{Borrowed, Origin};
use crate::context::Context;
use crate::leases::{Lease, Synced};
use crate::remains::Remains;
use crate::state::SessionState;
use odp_pool::{Parked, ServerSession};
use odp_protocol::{CommandKind, put_packet};
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// How long a server session may take to be put back into the state of a login.
const RESET_LIMIT: Duration = Duration::from_secs(5);

/// Gives a server session that is at rest back to its pool, once it is in the state of a login again.
/// One that has no pool, or may not go back, is handed out to be closed. `aimed` completes when those are
/// done who are about to kill what ran there, if there are any: nobody gets the session then, for a server
/// that has answered a KILL may heed it later.
pub(crate) fn leave(
    lease: Lease,
    aimed: Option<impl Future<Output = ()> + 'static>,
    context: &Context,
) -> Option<ServerSession> {
    let Lease {
        mut session,
        synced,
        origin,
    } = lease;
    let Some(Borrowed { mut loan, mut left }) = take_back(origin, &synced, context.is_draining())
    else {
        return Some(session);
    };
    loan.returns();
    context.tasks.spawn_local(async move {
        if let Some(aimed) = aimed {
            aimed.await;
            loan.is_spoiled();
            return;
        }
        if session.reset(&left.restore, RESET_LIMIT).await.is_err() {
            loan.is_spoiled();
            return;
        }
        left.remains = Remains::default();
        session.stream.rest();
        loan.counters().resets.fetch_add(1, Relaxed);
        let (is_bare, notes) = (left.is_bare, left);
        loan.give_back(Parked { session, notes }, is_bare);
    });
    None
}

/// Gives a server session to whoever is next, as the client leaves it between two transactions; `aimed`
/// is that of [`leave`].
pub(crate) fn hand_on(
    lease: Lease,
    state: &SessionState,
    aimed: Option<impl Future<Output = ()> + 'static>,
    context: &Context,
) {
    let Lease {
        mut session,
        synced,
        origin,
    } = lease;
    let Some(Borrowed { mut loan, mut left }) = take_back(origin, &synced, false) else {
        return;
    };
    for statement in left.remains.leave(synced, state) {
        close_statement(&mut session, statement);
    }
    let is_bare = left.is_bare;
    let parked = Parked {
        session,
        notes: left,
    };
    match aimed {
        None => loan.give_back(parked, is_bare),
        Some(aimed) => {
            context.tasks.spawn_local(async move {
                aimed.await;
                loan.is_spoiled();
                drop(parked);
            });
        }
    }
}

/// What a server session goes back with, as a client leaves it; `None` when it has no pool, or may not go
/// back: when it `must_end`, is too old, or was never to outlive its client.
fn take_back(origin: Origin, synced: &Synced, must_end: bool) -> Option<Borrowed> {
    let Origin::Pool(borrowed) = origin else {
        return None;
    };
    let mut borrowed = *borrowed;
    borrowed.left.id.comes_back();
    let may_go_back = borrowed.left.may_be_pooled && !borrowed.loan.is_over(Instant::now());
    if !may_go_back || must_end {
        borrowed.loan.is_spoiled();
        return None;
    }
    borrowed.left.note_database(&synced.database);
    Some(borrowed)
}

/// Closes a prepared statement. Nobody answers that, so it travels with the next request.
pub(crate) fn close_statement(session: &mut ServerSession, id: u32) {
    let [a, b, c, d] = id.to_le_bytes();
    let command = [CommandKind::StmtClose.byte(), a, b, c, d];
    put_packet(session.stream.outbound(), 0, &command);
}
