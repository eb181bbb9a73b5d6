//! The book over operations that were written by hand.

use super::*;
use crate::snapshot::Snapshot;
use odp_admin::SessionFates;
use odp_restart::{Outcome, SUPERSEDED, StepName};

pub(crate) fn task(id: u64) -> Task {
    new_task(id, TaskKind::Restart)
}

fn operation(id: u64, outcome: Outcome) -> Operation {
    let snapshot = |client, drained_sessions, cut_sessions| {
        let sessions = odp_admin::Sessions {
            client,
            ..odp_admin::Sessions::default()
        };
        Some(
            Snapshot {
                sessions,
                drained_sessions,
                cut_sessions,
                ..Snapshot::default()
            }
            .to_bytes(),
        )
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
        before: snapshot(10, 2, 1),
        last: snapshot(4, 6, 2),
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
    assert_eq!(running.receipt.unwrap().fates, fates(4, 1, 1, 4));
    assert!(!book.take(&[operation(7, Outcome::Running)]));
    assert!(book.take(&[operation(7, Outcome::Completed)]));
    let over = book.last().unwrap();
    assert_eq!(over.state, TaskState::Completed);
    assert_eq!(over.receipt.unwrap().fates, fates(4, 1, 5, 0));
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
