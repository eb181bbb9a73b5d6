//! The queue of writers: who asks first writes first, and nobody waits for ever.

use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often a waiter looks whether it has been killed.
const LOOK: Duration = Duration::from_millis(50);

#[derive(Debug, Default)]
struct Line {
    next: u64,
    waiting: VecDeque<u64>,
}

/// The writers of one tenant in one process, in their order.
#[derive(Debug, Default)]
pub(crate) struct WriteQueue {
    line: Mutex<Line>,
    moved: Condvar,
}

/// The right to write; the next writer gets it when this is dropped.
#[derive(Debug)]
pub(crate) struct WriteTurn {
    queue: Arc<WriteQueue>,
    number: u64,
}

impl WriteQueue {
    /// Waits for the turn until `deadline` or until `gave_up` says so.
    pub(crate) fn wait(
        queue: &Arc<Self>,
        deadline: Instant,
        gave_up: impl Fn() -> bool,
    ) -> Option<WriteTurn> {
        let mut line = queue.line.lock();
        let number = line.next;
        line.next += 1;
        line.waiting.push_back(number);
        let turn = WriteTurn {
            queue: Arc::clone(queue),
            number,
        };
        while line.waiting.front() != Some(&number) {
            let now = Instant::now();
            if now >= deadline || gave_up() {
                drop(line);
                return None;
            }
            let until = deadline.min(now + LOOK);
            queue.moved.wait_until(&mut line, until);
        }
        Some(turn)
    }
}

impl Drop for WriteTurn {
    fn drop(&mut self) {
        let mut line = self.queue.line.lock();
        line.waiting.retain(|number| *number != self.number);
        self.queue.moved.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writers_go_in_the_order_of_asking() {
        let queue = Arc::new(WriteQueue::default());
        let far = Instant::now() + Duration::from_secs(20);
        let first = WriteQueue::wait(&queue, far, || false).unwrap();
        assert!(
            WriteQueue::wait(&queue, Instant::now(), || false).is_none(),
            "a deadline ends it"
        );
        let order = Arc::new(Mutex::new(Vec::new()));
        let threads: Vec<_> = (0..3)
            .map(|index| {
                let (shared, order) = (Arc::clone(&queue), Arc::clone(&order));
                let thread = std::thread::spawn(move || {
                    let _turn = WriteQueue::wait(&shared, far, || false).unwrap();
                    order.lock().push(index);
                });
                while queue.line.lock().waiting.len() < index + 2 {
                    std::thread::yield_now();
                }
                thread
            })
            .collect();
        drop(first);
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(*order.lock(), vec![0, 1, 2]);
    }
}
