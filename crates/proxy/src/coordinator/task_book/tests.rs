//! The book over operations that were written by hand.

use super::*;
use crate::snapshot::{Kinds, Snapshot};
use odp_admin::SessionFates;
use odp_restart::{Outcome, SUPERSEDED, StepName};

pub(crate) fn task(id: u64) -> Task {
    new_task(id, TaskKind::Restart)
}

fn operation(id: u64, outcome: Outcome) -> Operation {
    // All, those in a transaction, those that are tied.
    let snapshot = |open: [u64; 3], drained: [u64; 3], cut: [u64; 3]| {
        let kinds = |[_, in_transaction, pinned]: [u64; 3]| Kinds {
            in_transaction,
            pinned,
        };
        let sessions = odp_admin::Sessions {
            client: open[0],
            in_transaction: open[1],
            pinned: open[2],
            ..odp_admin::Sessions::default()
        };
        let snapshot = Snapshot {
            sessions,
            kinds: kinds(open),
            drained_sessions: drained[0],
            drained_kinds: kinds(drained),
            cut_sessions: cut[0],
            cut_kinds: kinds(cut),
            ..Snapshot::default()
        };
        Some(snapshot.to_bytes())
    };
    let step = odp_restart::Step {
        name: StepName::Drain,
        state: odp_restart::StepState::Running,
        started_at: Some(SystemTime::now()),
        ended_at: None,
    };
    Operation {
        id,
        steps: vec![step],
        outcome,
        leaving: Some(1),
        before: snapshot([10, 4, 2], [2, 1, 0], [1, 0, 1]),
        last: snapshot([4, 2, 1], [6, 2, 0], [2, 1, 1]),
    }
}

#[test]
fn an_operation_is_told_with_the_fates_of_its_sessions() {
    let book = TaskBook::open(None, None);
    book.add(task(7));
    assert!(book.take(&[operation(7, Outcome::Running)]));
    let running = book.last().unwrap();
    assert_eq!(running.state, TaskState::Running);
    assert_eq!(running.steps[0].progress, 60);
    let fates = |drained, left, cut, open| SessionFates {
        drained,
        left,
        cut,
        open,
    };
    let receipt = running.receipt.unwrap();
    assert_eq!(receipt.fates, fates(4, 1, 1, 4));
    assert_eq!(receipt.by_kind.idle, fates(3, 0, 0, 1));
    assert_eq!(receipt.by_kind.in_transaction, fates(1, 0, 1, 2));
    assert_eq!(receipt.by_kind.pinned, fates(0, 1, 0, 1));
    assert!(!book.take(&[operation(7, Outcome::Running)]));
    assert!(book.take(&[operation(7, Outcome::Completed)]));
    let over = book.last().unwrap();
    assert_eq!(over.state, TaskState::Completed);
    let receipt = over.receipt.unwrap();
    assert_eq!(receipt.fates, fates(4, 1, 5, 0));
    assert_eq!(receipt.by_kind.in_transaction, fates(1, 0, 3, 0));
    assert!(over.ended_at.is_some());
    assert!(!book.take(&[operation(7, Outcome::Running)]));
}

#[test]
fn a_superseded_task_says_so_in_its_code() {
    let book = TaskBook::open(None, None);
    book.add(task(7));
    book.take(&[operation(7, Outcome::Failed(SUPERSEDED.to_owned()))]);
    assert_eq!(book.last().unwrap().error.unwrap().code, "superseded");
}

#[test]
fn the_book_is_bounded_and_lists_the_newest_first() {
    let book = TaskBook::open(None, None);
    for id in 1..=100 {
        book.add(task(id));
    }
    let ids: Vec<_> = book.list().iter().map(|task| task.id).collect();
    assert_eq!(ids.len(), TaskBook::KEPT);
    assert_eq!(ids.first(), Some(&100));
}

#[tokio::test(start_paused = true)]
async fn who_waits_gets_the_end_or_what_is_there_in_time() {
    let book = Arc::new(TaskBook::open(None, None));
    book.add(task(7));
    let wait = Duration::from_secs(30);
    let still = book.get(7, wait).await.unwrap();
    assert_eq!(still.state, TaskState::Running);
    assert!(book.get(8, wait).await.is_none());
    let waiting = {
        let book = Arc::clone(&book);
        tokio::spawn(async move { book.get(7, wait).await })
    };
    tokio::task::yield_now().await;
    book.take(&[operation(7, Outcome::Completed)]);
    assert_eq!(waiting.await.unwrap().unwrap().state, TaskState::Completed);
}
