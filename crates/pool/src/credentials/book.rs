//! Which accounts are known, being asked for, or not to be had; pure, with the time as an argument.

use crate::account::Account;
use odp_cluster::TenantName;
use smol_str::SmolStr;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The most names that are remembered; the one that was not used for longest goes first.
const NAMES_MAX: usize = 10_000;

/// How long a name without readable account is not asked for again.
const NEGATIVE: Duration = Duration::from_secs(10);

/// The accounts of a tenant that share a user name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AccountName {
    /// The tenant.
    pub tenant: TenantName,
    /// The user, without tenant.
    pub user: SmolStr,
}

/// What was read of the accounts of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The accounts; none when there is no such user.
    pub accounts: Vec<Account>,
    /// When the tenant's global variables changed last, in the server's words.
    pub globals: SmolStr,
}

/// What the proxy believes of the accounts.
#[derive(Debug)]
pub(super) struct Book {
    refresh_interval: Duration,
    entries: HashMap<AccountName, Entry>,
    questions: VecDeque<AccountName>,
    /// Grows with every doubt, so that an answer that was under way then is not believed.
    doubts: u64,
}

#[derive(Debug)]
struct Entry {
    state: State,
    used: Instant,
    /// The doubts before the newest question.
    asked_at: u64,
    /// The doubts when something spoke against this entry.
    doubted_at: u64,
}

#[derive(Debug)]
enum State {
    Asked,
    Known { known: Arc<Known>, read: Instant },
    Unreadable { read: Instant },
}

impl Book {
    pub(super) fn new(refresh_interval: Duration) -> Self {
        Self {
            refresh_interval,
            entries: HashMap::new(),
            questions: VecDeque::new(),
            doubts: 0,
        }
    }

    /// What is known of a name; a name that nobody has asked for becomes a question.
    pub(super) fn find(&mut self, name: &AccountName, now: Instant) -> Option<Arc<Known>> {
        if let Some(entry) = self.entries.get_mut(name) {
            entry.used = now;
            match &entry.state {
                State::Asked => return None,
                State::Known { known, read } if now < *read + 2 * self.refresh_interval => {
                    return Some(Arc::clone(known));
                }
                State::Unreadable { read } if now < *read + NEGATIVE => return None,
                State::Known { .. } | State::Unreadable { .. } => {}
            }
        } else if self.entries.len() >= NAMES_MAX {
            self.forget_oldest();
        }
        self.ask(name.clone(), now);
        None
    }

    /// What is known of a name, whoever asks.
    pub(super) fn peek(&self, name: &AccountName) -> Option<Arc<Known>> {
        match &self.entries.get(name)?.state {
            State::Known { known, .. } => Some(Arc::clone(known)),
            State::Asked | State::Unreadable { .. } => None,
        }
    }

    /// How often something spoke against what is known.
    pub(super) fn doubts(&self) -> u64 {
        self.doubts
    }

    /// Whether something seen at `at`, after so many doubts, is as good as an account read then.
    pub(super) fn believes(&self, at: Instant, doubts: u64, now: Instant) -> bool {
        doubts == self.doubts && now < at + self.refresh_interval
    }

    /// Whether somebody waits for an answer.
    pub(super) fn has_questions(&self) -> bool {
        !self.questions.is_empty()
    }

    /// The next name to read.
    pub(super) fn next_question(&mut self) -> Option<AccountName> {
        while let Some(name) = self.questions.pop_front() {
            if let Some(entry) = self.entries.get_mut(&name) {
                entry.asked_at = self.doubts;
                return Some(name);
            }
        }
        None
    }

    /// Takes in what was read; `None` when it could not be.
    pub(super) fn install(&mut self, name: &AccountName, read: Option<Known>, now: Instant) {
        let Some(entry) = self.entries.get_mut(name) else {
            return;
        };
        if entry.doubted_at > entry.asked_at {
            // The answer may be from before the change: it is asked for once more.
            entry.state = State::Asked;
            self.questions.push_back(name.clone());
            return;
        }
        entry.state = match read {
            Some(known) => match &entry.state {
                State::Known { known: before, .. } if **before == known => State::Known {
                    known: Arc::clone(before),
                    read: now,
                },
                _ => State::Known {
                    known: Arc::new(known),
                    read: now,
                },
            },
            None => State::Unreadable { read: now },
        };
    }

    /// Asks anew for every name that was used since the last round but one.
    pub(super) fn refresh(&mut self, now: Instant) {
        let horizon = 4 * self.refresh_interval;
        self.entries
            .retain(|_, entry| now < entry.used + horizon.max(NEGATIVE));
        for (name, entry) in &self.entries {
            if matches!(entry.state, State::Known { .. }) && !self.questions.contains(name) {
                self.questions.push_back(name.clone());
            }
        }
    }

    pub(super) fn doubt(&mut self, name: &AccountName) {
        self.doubts += 1;
        if let Some(entry) = self.entries.get_mut(name) {
            entry.doubted_at = self.doubts;
            Self::put_question(&mut self.questions, name, entry);
        }
    }

    pub(super) fn tenant_changed(&mut self, tenant: &TenantName) {
        self.doubts += 1;
        for (name, entry) in &mut self.entries {
            if name.tenant == *tenant {
                entry.doubted_at = self.doubts;
                Self::put_question(&mut self.questions, name, entry);
            }
        }
    }

    fn put_question(questions: &mut VecDeque<AccountName>, name: &AccountName, entry: &mut Entry) {
        if !matches!(entry.state, State::Asked) {
            entry.state = State::Asked;
            questions.push_back(name.clone());
        }
    }

    fn ask(&mut self, name: AccountName, now: Instant) {
        let entry = self.entries.entry(name.clone()).or_insert(Entry {
            state: State::Asked,
            used: now,
            asked_at: 0,
            doubted_at: 0,
        });
        entry.state = State::Asked;
        self.questions.push_back(name);
    }

    fn forget_oldest(&mut self) {
        let oldest = self.entries.iter().min_by_key(|(_, entry)| entry.used);
        if let Some(name) = oldest.map(|(name, _)| name.clone()) {
            self.entries.remove(&name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(15);

    fn name(user: &str) -> AccountName {
        AccountName {
            tenant: TenantName::new("t"),
            user: SmolStr::new(user),
        }
    }

    fn known(globals: &str) -> Known {
        Known {
            accounts: Vec::new(),
            globals: SmolStr::new(globals),
        }
    }

    #[test]
    fn the_first_to_ask_finds_nothing_and_the_next_what_was_read() {
        let (mut book, now) = (Book::new(INTERVAL), Instant::now());
        assert!(book.find(&name("a"), now).is_none());
        assert!(book.find(&name("a"), now).is_none());
        assert_eq!(book.next_question(), Some(name("a")));
        assert_eq!(book.next_question(), None, "one question for both");
        book.install(&name("a"), Some(known("1")), now);
        assert_eq!(*book.find(&name("a"), now).unwrap(), known("1"));
    }

    #[test]
    fn what_was_read_is_refreshed_and_not_believed_for_ever() {
        let (mut book, now) = (Book::new(INTERVAL), Instant::now());
        book.find(&name("a"), now);
        book.next_question();
        book.install(&name("a"), Some(known("1")), now);
        book.refresh(now + INTERVAL);
        assert_eq!(book.next_question(), Some(name("a")));
        assert!(
            book.find(&name("a"), now + INTERVAL).is_some(),
            "still good while it is asked"
        );
        book.install(&name("a"), Some(known("2")), now + INTERVAL);
        assert_eq!(*book.find(&name("a"), now + INTERVAL).unwrap(), known("2"));
        assert!(book.find(&name("a"), now + 3 * INTERVAL).is_none());
        book.refresh(now + 20 * INTERVAL);
        assert!(book.entries.is_empty(), "nobody used it");
    }

    #[test]
    fn what_a_server_said_is_believed_for_an_interval_or_until_a_change() {
        let (mut book, now) = (Book::new(INTERVAL), Instant::now());
        let doubts = book.doubts();
        assert!(book.believes(now, doubts, now + INTERVAL / 2));
        assert!(!book.believes(now, doubts, now + INTERVAL));
        book.tenant_changed(&TenantName::new("t"));
        assert!(!book.believes(now, doubts, now));
        assert!(book.believes(now, book.doubts(), now));
    }

    #[test]
    fn a_name_that_cannot_be_read_is_asked_for_again_after_a_while() {
        let (mut book, now) = (Book::new(INTERVAL), Instant::now());
        book.find(&name("a"), now);
        book.next_question();
        book.install(&name("a"), None, now);
        assert!(book.find(&name("a"), now + NEGATIVE / 2).is_none());
        assert!(!book.has_questions());
        book.find(&name("a"), now + NEGATIVE);
        assert!(book.has_questions());
    }

    #[test]
    fn an_answer_that_was_under_way_at_a_change_is_not_believed() {
        let (mut book, now) = (Book::new(INTERVAL), Instant::now());
        book.find(&name("a"), now);
        assert_eq!(book.next_question(), Some(name("a")));
        book.tenant_changed(&TenantName::new("t"));
        book.install(&name("a"), Some(known("old")), now);
        assert!(book.find(&name("a"), now).is_none());
        assert_eq!(book.next_question(), Some(name("a")));
        book.install(&name("a"), Some(known("new")), now);
        assert_eq!(*book.find(&name("a"), now).unwrap(), known("new"));
        book.doubt(&name("a"));
        assert!(book.find(&name("a"), now).is_none());
    }

    #[test]
    fn the_name_that_was_not_used_for_longest_makes_room() {
        let (mut book, now) = (Book::new(INTERVAL), Instant::now());
        for number in 0..NAMES_MAX {
            let used = now + Duration::from_millis(u64::try_from(number).unwrap());
            book.find(&name(&number.to_string()), used);
        }
        book.find(&name("one more"), now + Duration::from_mins(1));
        assert_eq!(book.entries.len(), NAMES_MAX);
        assert!(!book.entries.contains_key(&name("0")));
    }
}
