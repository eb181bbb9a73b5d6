//! `COM_CHANGE_USER`: a login over a new salt in a connection that is there.

use crate::answer;
use crate::begin::{Begun, join};
use crate::context::Context;
use crate::error::SessionError;
use crate::login;
use crate::pooling::account_name;
use crate::session::Session;
use odp_pool::ClientLogin;
use odp_protocol::{ChangeUser, NATIVE_PASSWORD};

impl Session {
    /// Logs the client in anew, on a server session of its own.
    pub(crate) async fn change_user(&mut self, context: &Context) -> Result<Begun, SessionError> {
        let capabilities = self.state.login.response.capabilities;
        if !login::can_switch(capabilities) {
            return Err(SessionError::Unsupported(
                "COM_CHANGE_USER without PLUGIN_AUTH",
            ));
        }
        let (head, packet) = self.take_packet();
        let change = ChangeUser::parse(&join(&head), capabilities)
            .map_err(|error| SessionError::Client(error.into()))?;
        let salt = login::random_salt();
        let limit = context.settings.login_timeout;
        let asked = login::switch_to_native(&mut self.client, &salt, packet.next_sequence());
        let late = |_| Err(SessionError::LoginTimeout(limit));
        let (auth, sequence) = tokio::time::timeout(limit, asked)
            .await
            .unwrap_or_else(late)?;
        let mut login = ClientLogin {
            proxy_salt: salt,
            ..self.state.login.clone()
        };
        login.response.auth = auth;
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
        self.become_user(login, &change.user, sequence, context)
            .await?;
        Ok(Begun::Answered)
    }

    async fn become_user(
        &mut self,
        mut login: ClientLogin,
        user: &[u8],
        sequence: u8,
        context: &Context,
    ) -> Result<(), SessionError> {
        let tenant = self.state.tenant.clone();
        let entered = async {
            login.response.user = user.to_vec();
            let name = login::read_name(&login.response, context)?;
            if name.tenant.as_ref().is_some_and(|other| *other != tenant) {
                return Err(SessionError::Unsupported(
                    "COM_CHANGE_USER to another tenant",
                ));
            }
            login.response.user = format!("{}@{tenant}", name.user).into_bytes();
            let account = account_name(&tenant, name.user.as_str());
            let (obtained, pooling) =
                Box::pin(login::first_session(&login, &account, context)).await?;
            Ok(login::admit(
                login,
                tenant.clone(),
                obtained,
                pooling,
                context,
            ))
        };
        let admitted = match entered.await {
            Ok(admitted) => admitted,
            Err(error) => {
                // As with MySQL, a refused change of user ends the connection.
                if let Some(packet) = error.to_client() {
                    answer::put_error(self.client.outbound(), sequence, &packet);
                    self.client.flush().await.map_err(SessionError::client_io)?;
                }
                return Err(SessionError::ClientGone);
            }
        };
        self.leave_all(context);
        self.state = admitted.state;
        self.leases = admitted.leases;
        let format = self.state.ok_format();
        answer::put_ok(self.client.outbound(), sequence, self.state.status, format);
        Ok(())
    }
}
