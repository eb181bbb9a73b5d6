//! Orders to the admin endpoint and the tasks that they become.

use crate::http::{Answer, Endpoint};
use crate::{Failure, wait};
use serde_json::Value;
use std::time::Duration;

/// `POST /v1/{action}`, with a JSON body or none.
///
/// # Errors
/// When the endpoint does not answer.
pub fn order(admin: &Endpoint, action: &str, body: Option<&Value>) -> Result<Answer, Failure> {
    admin.request("POST", &format!("/v1/{action}"), body)
}

/// A task as it was seen last.
#[derive(Debug, Clone)]
pub struct Task {
    admin: Endpoint,
    /// Where it is, for example `/v1/tasks/7`.
    pub path: String,
    /// The document.
    pub body: Value,
}

impl Task {
    /// The task with this number, not looked at yet.
    #[must_use]
    pub fn at(admin: &Endpoint, id: &str) -> Self {
        Self {
            admin: admin.clone(),
            path: format!("/v1/tasks/{id}"),
            body: Value::Null,
        }
    }

    /// Gives an order, which must be answered by 202 with the task and its place.
    ///
    /// # Errors
    /// When it is not.
    pub fn begin(admin: &Endpoint, action: &str, body: Option<&Value>) -> Result<Self, Failure> {
        let answer = order(admin, action, body)?;
        let what = format!("POST /v1/{action}");
        if answer.status != 202 {
            let got = format!("{} {}", answer.status, answer.body);
            return Err(Failure::answer(what, got));
        }
        let path = answer
            .header("location")
            .ok_or_else(|| Failure::answer(what, format!("no Location in {}", answer.head)))?
            .to_owned();
        Ok(Self {
            admin: admin.clone(),
            path,
            body: answer.json()?,
        })
    }

    /// Gives an order and waits for the end of its task, whatever that is.
    ///
    /// # Errors
    /// When the order is not accepted, or its task does not end in time.
    pub fn run(admin: &Endpoint, action: &str, body: Option<&Value>) -> Result<Self, Failure> {
        let mut task = Self::begin(admin, action, body)?;
        task.wait(END)?;
        Ok(task)
    }

    /// Gives an order whose task must be completed.
    ///
    /// # Errors
    /// When it is not.
    pub fn complete(admin: &Endpoint, action: &str, body: Option<&Value>) -> Result<Self, Failure> {
        let task = Self::run(admin, action, body)?;
        if task.state() == "Completed" {
            return Ok(task);
        }
        Err(Failure::answer(
            format!("the task of {action}"),
            task.body.to_string(),
        ))
    }

    /// Looks again.
    ///
    /// # Errors
    /// When the endpoint does not give the task.
    pub fn refresh(&mut self) -> Result<(), Failure> {
        self.body = self.admin.get(&self.path)?.json()?;
        Ok(())
    }

    /// Waits for its end. A coordinator that is just being replaced may miss one look.
    ///
    /// # Errors
    /// When it has not ended within the limit.
    pub fn wait(&mut self, limit: Duration) -> Result<(), Failure> {
        let path = format!("{}?wait=2s", self.path);
        self.body = wait::until(&format!("the end of {}", self.path), limit, || {
            let answer = self.admin.get(&path).map_err(|error| error.to_string())?;
            let body = answer.json().map_err(|error| error.to_string())?;
            match body.get("state").and_then(Value::as_str) {
                Some("Completed" | "Failed") => Ok(body),
                _ => Err(body.to_string()),
            }
        })?;
        Ok(())
    }

    /// `Running`, `Completed` or `Failed`.
    #[must_use]
    pub fn state(&self) -> &str {
        self.body
            .get("state")
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// Why it failed, as `code: message`; empty when it did not.
    #[must_use]
    pub fn error(&self) -> String {
        let part = |name: &str| {
            let part = self.body.get("error")?.get(name)?.as_str();
            part.map(str::to_owned)
        };
        match (part("code"), part("message")) {
            (Some(code), Some(message)) => format!("{code}: {message}"),
            _ => String::new(),
        }
    }

    /// The name of the step that is under way.
    #[must_use]
    pub fn step(&self) -> Option<&str> {
        let steps = self.body.get("steps")?.as_array()?;
        let running = steps
            .iter()
            .find(|step| step.get("state").and_then(Value::as_str) == Some("Running"))?;
        running.get("name")?.as_str()
    }

    /// Waits until this step is under way.
    ///
    /// # Errors
    /// When it is not within the limit, or the task ended.
    pub fn wait_for_step(&mut self, name: &str, limit: Duration) -> Result<(), Failure> {
        let what = format!("step {name} of {}", self.path);
        wait::until(&what, limit, || {
            self.refresh().map_err(|error| error.to_string())?;
            if self.step() == Some(name) {
                return Ok(());
            }
            Err(self.body.to_string())
        })
    }
}

const END: Duration = Duration::from_mins(1);
