//! The wait between two requests: for a command, for the end of patience, for the proxy's own end.

use crate::alarm::Alarm;
use crate::context::Context;
use crate::error::SessionError;
use crate::leases::Leases;
use crate::lifecycle;
use crate::session::{Session, SessionEnd};
use crate::session_ids::LiveId;
use crate::settings::RoutingMode;
use std::io;
use std::pin::Pin;
use std::time::Duration;

/// Silence after which a client's buffers are given back.
const REST_AFTER: Duration = Duration::from_secs(1);

/// Whether it is a session's turn to end.
pub(crate) struct Turn {
    wait: Pin<Box<dyn Future<Output = ()>>>,
    has_come: bool,
}

impl Turn {
    /// The turn of the session with this id.
    pub(crate) fn new(context: &Context, id: &LiveId) -> Self {
        let wait = Box::pin(lifecycle::turn(context.lifecycle.clone(), id.get()));
        Self {
            wait,
            has_come: false,
        }
    }
}

/// What the alarm of a waiting session means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Patience {
    /// Nothing has come: the buffers rest, and so much more time is left.
    Rest(Option<Duration>),
    /// Nothing has come for `wait_timeout`.
    End,
    /// A part of a command has come, and then nothing for `net_read_timeout`.
    Broken,
}

impl Session {
    /// Waits until a command is there, whole or as far as it is held. `Some` when the wait is over for
    /// another reason.
    pub(crate) async fn next_command(
        &mut self,
        turn: &mut Turn,
        alarm: &mut Alarm,
        context: &Context,
    ) -> Result<Option<SessionEnd>, SessionError> {
        let limit = context.settings.max_session_bytes;
        self.deliver(alarm).await?;
        let mut patience = self.be_patient(alarm);
        loop {
            if self.let_pass() {
                self.deliver(alarm).await?;
                patience = self.be_patient(alarm);
            }
            if self.oversize.is_none() && self.has_command(limit)? {
                return Ok(None);
            }
            if self.oversize.is_some() && !self.client.inbound().is_empty() {
                continue;
            }
            let between = !self.state.in_transaction() && !self.is_amid_command();
            if between && turn.has_come {
                return Ok(Some(SessionEnd::Drained));
            }
            tokio::select! {
                biased;
                () = stirred(self.state.mode, &mut self.leases) => {
                    if !self.pass_on_last_words() {
                        return Ok(Some(SessionEnd::ServerLost));
                    }
                    self.deliver(alarm).await?;
                    patience = self.be_patient(alarm);
                }
                read = self.client.read_more() => match read {
                    Ok(0) => return Err(SessionError::ClientGone),
                    Ok(_) => patience = self.be_patient(alarm),
                    Err(error) => return Err(SessionError::client_io(error)),
                },
                () = &mut turn.wait, if !turn.has_come => turn.has_come = true,
                () = alarm.ring() => match patience {
                    Patience::Rest(more) => {
                        self.rest();
                        alarm.set(more);
                        patience = Patience::End;
                    }
                    Patience::End => return Ok(Some(SessionEnd::Idle)),
                    Patience::Broken => {
                        return Err(SessionError::client_io(io::ErrorKind::TimedOut.into()));
                    }
                }
            }
        }
    }

    /// Lets the client take what is left for it, for at most `net_write_timeout` in all.
    async fn deliver(&mut self, alarm: &mut Alarm) -> Result<(), SessionError> {
        let limit = self.state.variables.known().net_write_timeout;
        tokio::select! {
            biased;
            sent = self.client.flush() => sent.map_err(SessionError::client_io),
            () = alarm.ring_after(Some(limit)) => {
                Err(SessionError::client_io(io::ErrorKind::TimedOut.into()))
            }
        }
    }

    /// Winds the alarm up for what is to be waited for now.
    fn be_patient(&self, alarm: &mut Alarm) -> Patience {
        let known = self.state.variables.known();
        if self.is_amid_command() {
            alarm.set(Some(known.net_read_timeout));
            return Patience::Broken;
        }
        // A MySQL server ends its session itself when it has waited enough.
        let limit = (self.state.mode == RoutingMode::OceanBase).then_some(known.wait_timeout);
        match limit {
            Some(limit) if limit <= REST_AFTER => {
                alarm.set(Some(limit));
                Patience::End
            }
            limit => {
                alarm.set(Some(REST_AFTER));
                Patience::Rest(limit.map(|limit| limit.saturating_sub(REST_AFTER)))
            }
        }
    }

    /// Whether a part of a command has come.
    fn is_amid_command(&self) -> bool {
        self.client.has_unread() || self.oversize.is_some()
    }

    fn rest(&mut self) {
        self.client.rest();
        for lease in self.leases.iter_mut() {
            lease.session.stream.rest();
        }
    }

    /// Passes on what the only server says unasked, usually why it closes the connection next. `false`
    /// when it has closed it.
    fn pass_on_last_words(&mut self) -> bool {
        let Some(lease) = self.leases.iter_mut().next() else {
            return false;
        };
        let words = lease.session.stream.take(usize::MAX);
        self.client.outbound().extend_from_slice(&words);
        !words.is_empty()
    }
}

/// Completes when the only server of a client that can have no other closes the connection or says
/// something unasked. Where there are other servers, a lost one is noticed when it is needed.
async fn stirred(mode: RoutingMode, leases: &mut Leases) {
    match (mode, leases.iter_mut().next()) {
        (RoutingMode::MySql, Some(lease)) => lease.session.stream.stirred().await,
        _ => std::future::pending().await,
    }
}
