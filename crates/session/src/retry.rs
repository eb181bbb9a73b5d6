//! Whether a request that did not get its answer may be sent again: pure.
//!
//! A request is sent a second time only if the client has got no byte of an answer, and either the server
//! said that it did not run it, or it is proven to change nothing. Everything else is told to the client,
//! once. (Which errors say so: `ob_mysql_transact.cpp` of `OBProxy`, `handle_error_resp`.)

use odp_protocol::CommandKind;

/// How far a request has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// The server has not been sent any of it.
    Kept,
    /// The server may have all of it.
    Sent,
    /// The client has got something of the answer.
    Answered,
}

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The server or the connection to it is gone.
    Lost,
    /// The time that the statement may take is over.
    Late,
    /// The server answered with this error.
    Said(u16),
}

/// Where the statement stands among others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// By itself: outside a transaction, with autocommit, and tied to no server.
    Alone,
    /// The first of a transaction, or one that opens it.
    First,
    /// In a transaction, or tied to a server for another reason.
    Bound,
}

/// A request without its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Case {
    /// The command.
    pub(crate) kind: CommandKind,
    /// Where it stands.
    pub(crate) place: Place,
    /// How far it has come.
    pub(crate) progress: Progress,
    /// What went wrong.
    pub(crate) trouble: Trouble,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The client is told.
    Tell,
    /// Another server is tried.
    Elsewhere,
    /// The partition's new leader is looked for and tried.
    NewLeader,
}

/// `OB_NOT_MASTER`: the partition is led elsewhere, or by nobody for the moment.
const NOT_MASTER: u16 = 4038;
/// The server cannot connect to the leader (4124), is read-only (5081), does not hold the tenant (5150),
/// is starting (8001) or stopping (8002).
const NOT_HERE: [u16; 5] = [4124, 5081, 5150, 8001, 8002];

/// Whether a server that answers with this error has not run the request.
pub(crate) fn says_not_run(code: u16) -> bool {
    code == NOT_MASTER || NOT_HERE.contains(&code)
}

/// What is to be done about a request; `changes_nothing` is asked only when that decides.
pub(crate) fn judge(case: Case, changes_nothing: impl FnOnce() -> bool) -> Verdict {
    let can_move = match case.kind {
        CommandKind::Query
        | CommandKind::InitDb
        | CommandKind::FieldList
        | CommandKind::Statistics
        | CommandKind::StmtPrepare
        | CommandKind::StmtExecute => true,
        // The others end something, have no answer, or belong to what one server holds.
        _ => false,
    };
    if !can_move || case.place == Place::Bound {
        return Verdict::Tell;
    }
    match (case.progress, case.trouble) {
        (Progress::Answered, _) | (_, Trouble::Late) => Verdict::Tell,
        (_, Trouble::Said(NOT_MASTER)) => Verdict::NewLeader,
        (_, Trouble::Said(code)) if NOT_HERE.contains(&code) => Verdict::Elsewhere,
        (_, Trouble::Said(_)) => Verdict::Tell,
        (Progress::Kept, Trouble::Lost) => Verdict::Elsewhere,
        (Progress::Sent, Trouble::Lost) => {
            if case.place == Place::Alone && changes_nothing() {
                Verdict::Elsewhere
            } else {
                Verdict::Tell
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every command there is, and one that is none.
    fn commands() -> impl Iterator<Item = CommandKind> {
        (0..=0x20).map(CommandKind::from_byte)
    }

    /// The codes that matter with their neighbours, and some that servers often send.
    fn codes() -> impl Iterator<Item = u16> {
        let that_matter = NOT_HERE.into_iter().chain([NOT_MASTER]);
        let often = [
            0, 603, 1045, 1064, 1146, 1205, 4012, 4013, 4666, 5727, 6002, 6211, 6225,
        ];
        that_matter
            .flat_map(|code| code - 1..=code + 1)
            .chain(often)
    }

    #[test]
    fn a_request_is_sent_twice_only_where_the_rule_allows_it() {
        let mut allowed = 0;
        for kind in commands() {
            for place in [Place::Alone, Place::First, Place::Bound] {
                for progress in [Progress::Kept, Progress::Sent, Progress::Answered] {
                    let said = codes().map(Trouble::Said);
                    for trouble in said.chain([Trouble::Lost, Trouble::Late]) {
                        for pure in [false, true] {
                            let case = Case {
                                kind,
                                place,
                                progress,
                                trouble,
                            };
                            let again = judge(case, || pure) != Verdict::Tell;
                            let server_says =
                                matches!(trouble, Trouble::Said(code) if says_not_run(code));
                            let proven = trouble == Trouble::Lost
                                && (progress == Progress::Kept || pure && place == Place::Alone);
                            let rule = progress != Progress::Answered
                                && place != Place::Bound
                                && (server_says || proven);
                            assert!(!again || rule, "{case:?} {pure}");
                            allowed += usize::from(again);
                        }
                    }
                }
            }
        }
        assert!(allowed > 100, "{allowed}");
    }

    #[test]
    fn what_may_be_sent_again_is() {
        use Progress::{Answered, Kept, Sent};
        use Trouble::{Late, Lost, Said};
        use Verdict::{Elsewhere, NewLeader, Tell};
        let table = [
            (Place::Alone, Sent, Lost, true, Elsewhere),
            (Place::Alone, Sent, Lost, false, Tell),
            (Place::Alone, Kept, Lost, false, Elsewhere),
            (Place::First, Kept, Lost, false, Elsewhere),
            (Place::First, Sent, Lost, true, Tell),
            (Place::First, Sent, Said(8002), false, Elsewhere),
            (Place::Alone, Sent, Said(5150), false, Elsewhere),
            (Place::Alone, Sent, Said(4038), false, NewLeader),
            (Place::Bound, Sent, Said(4038), false, Tell),
            (Place::Alone, Sent, Said(1064), true, Tell),
            (Place::Alone, Sent, Late, true, Tell),
            (Place::Alone, Answered, Lost, true, Tell),
        ];
        for kind in [CommandKind::Query, CommandKind::StmtExecute] {
            for (place, progress, trouble, pure, verdict) in table {
                let case = Case {
                    kind,
                    place,
                    progress,
                    trouble,
                };
                assert_eq!(judge(case, || pure), verdict, "{case:?} {pure}");
            }
        }
        for kind in [
            CommandKind::ProcessKill,
            CommandKind::StmtFetch,
            CommandKind::ChangeUser,
        ] {
            for (place, progress, trouble, pure, _) in table {
                let case = Case {
                    kind,
                    place,
                    progress,
                    trouble,
                };
                assert_eq!(judge(case, || pure), Tell, "{case:?}");
            }
        }
    }
}
