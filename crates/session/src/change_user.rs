//! `COM_CHANGE_USER`: a login over a new salt in a connection that is there.

use crate::answer;
use crate::begin::{Begun, join};
use crate::context::Context;
use crate::entrance;
use crate::error::SessionError;
use crate::login::{self, LoggedIn};
use crate::pooling::account_name;
use crate::session::Session;
use odp_cluster::ServerAddr;
use odp_pool::ClientLogin;
use odp_protocol::{ChangeUser, LOGIN_MAX, NATIVE_PASSWORD};
use serde::{Deserialize, Serialize};

/// A change of user that is under way, as plain data: its request has been taken, and the session can be
/// written down at any of its waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum UserChange {
    /// The client is asked for its password over the salt in this login, whose user is as the client wrote
    /// it.
    Asked(Box<ClientLogin>),
    /// It has answered; the next packet to it has this number.
    Answered(Box<ClientLogin>, u8),
    /// It has been refused, and its connection ends once it has read that.
    Refused,
    /// In front of MySQL: this server and the client settle it, and the proxy passes on what they say.
    Relayed(ServerAddr),
}

impl Session {
    /// Logs the client in anew, on a server session of its own. Goes on where it was dropped.
    pub(crate) async fn change_user(&mut self, context: &Context) -> Result<Begun, SessionError> {
        loop {
            match &self.user_change {
                None => self.ask_for_password()?,
                Some(UserChange::Asked(_)) => self.take_password(context).await?,
                Some(UserChange::Answered(login, sequence)) => {
                    let (login, sequence) = (ClientLogin::clone(login), *sequence);
                    match self.log_in_anew(login, context).await {
                        Ok(admitted) => {
                            self.become_user(admitted, sequence, context);
                            return Ok(Begun::Answered);
                        }
                        Err(error) => {
                            // As with an OBServer, a refused change of user ends the connection.
                            if let Some(packet) = error.to_client() {
                                answer::put_error(self.client.outbound(), sequence, &packet);
                            }
                            self.user_change = Some(UserChange::Refused);
                        }
                    }
                }
                Some(UserChange::Refused) => {
                    self.client.flush().await.map_err(SessionError::client_io)?;
                    return Err(SessionError::ClientGone);
                }
                Some(UserChange::Relayed(_)) => return self.relay_change_user(context).await,
            }
        }
    }

    /// Takes the request and asks the client to prove its password. As an OBServer does, it is asked over
    /// the salt of the greeting: libmariadb goes by that one, whatever it is told.
    fn ask_for_password(&mut self) -> Result<(), SessionError> {
        let capabilities = self.state.login.response.capabilities;
        if !login::can_switch(capabilities) {
            return Err(SessionError::Unsupported(
                "COM_CHANGE_USER without PLUGIN_AUTH",
            ));
        }
        let (head, packet) = self.take_packet();
        let change = ChangeUser::parse(&join(&head), capabilities)
            .map_err(|error| SessionError::Client(error.into()))?;
        let mut login = self.state.login.clone();
        login::put_switch(&mut self.client, &login.proxy_salt, packet.next_sequence());
        login.response.user = change.user;
        NATIVE_PASSWORD.clone_into(&mut login.response.plugin);
        login.response.database = Some(change.database).filter(|name| !name.is_empty());
        if let Some(collation) = change
            .collation
            .to_le_bytes()
            .first()
            .filter(|byte| **byte != 0)
        {
            login.response.collation = *collation;
        }
        self.user_change = Some(UserChange::Asked(Box::new(login)));
        Ok(())
    }

    /// Waits for the client's answer.
    async fn take_password(&mut self, context: &Context) -> Result<(), SessionError> {
        let limit = context.settings.login_timeout;
        let client = &mut self.client;
        let answered = async {
            client.flush().await.map_err(SessionError::client_io)?;
            Ok(client.read_packet(LOGIN_MAX).await?)
        };
        let late = |_| Err(SessionError::LoginTimeout(limit));
        let answered = tokio::time::timeout(limit, answered).await;
        let (sequence, payload) = answered.unwrap_or_else(late)?;
        if let Some(UserChange::Asked(mut login)) = self.user_change.take() {
            login.response.auth = payload.to_vec();
            self.user_change = Some(UserChange::Answered(login, sequence.wrapping_add(1)));
        }
        Ok(())
    }

    async fn log_in_anew(
        &self,
        mut login: ClientLogin,
        context: &Context,
    ) -> Result<LoggedIn, SessionError> {
        let tenant = self.state.tenant.clone();
        let name = login::read_name(&login.response, context)?;
        if name.tenant.as_ref().is_some_and(|other| *other != tenant) {
            return Err(SessionError::Unsupported(
                "COM_CHANGE_USER to another tenant",
            ));
        }
        login.response.user = format!("{}@{tenant}", name.user).into_bytes();
        let account = account_name(&tenant, name.user.as_str());
        let (entrance, pooling) =
            Box::pin(entrance::first_session(&login, &account, context)).await?;
        Ok(login::admit(login, tenant, entrance, pooling, context))
    }

    fn become_user(&mut self, admitted: LoggedIn, sequence: u8, context: &Context) {
        self.leave_all(context);
        self.state = admitted.state;
        self.id.is_of(self.state.account());
        self.leases = admitted.leases;
        self.user_change = None;
        let format = self.state.ok_format();
        answer::put_ok(self.client.outbound(), sequence, self.state.status, format);
    }
}
