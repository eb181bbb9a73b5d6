//! `odp restart|stop|start|upgrade|task`: asks for a task and follows it to its end.

mod progress;

use crate::admin_client::{AdminClient, Answer};
use crate::command_line::{AdminOptions, Restart, TaskNumber, Upgrade};
use crate::error::Error;
use odp_admin::{Task, TaskState};
use progress::Progress;
use serde::Deserialize;
use std::time::{Duration, Instant};

/// How long one request waits for the end of the task: a bar wants to move.
const WAIT: Duration = Duration::from_millis(500);
/// How long an endpoint may be gone that is being replaced.
const PATIENCE: Duration = Duration::from_secs(10);
/// The time between two attempts to reach it.
const PEEK: Duration = Duration::from_millis(100);

/// `odp restart`.
pub(crate) fn restart(arguments: &Restart) -> Result<(), Error> {
    let mode = if arguments.force { "force" } else { "restart" };
    let document = serde_json::json!({ "mode": mode });
    command(&arguments.admin, "/v1/restart", &document)
}

/// `odp stop`.
pub(crate) fn stop(options: &AdminOptions) -> Result<(), Error> {
    command(options, "/v1/stop", &serde_json::json!({}))
}

/// `odp start`.
pub(crate) fn start(options: &AdminOptions) -> Result<(), Error> {
    command(options, "/v1/start", &serde_json::json!({}))
}

/// `odp upgrade`.
pub(crate) fn upgrade(arguments: &Upgrade) -> Result<(), Error> {
    let binary = std::path::absolute(&arguments.binary)
        .map_err(|error| Error::Usage(format!("{}: {error}", arguments.binary.display())))?;
    let document = serde_json::json!({ "binary": binary });
    command(&arguments.admin, "/v1/upgrade", &document)
}

/// `odp task`.
pub(crate) fn show(arguments: &TaskNumber) -> Result<(), Error> {
    let client = client(&arguments.admin)?;
    run(async {
        let path = format!("/v1/tasks/{}", arguments.id);
        let task = read_task(&client.get(&path).await?)?;
        follow(&client, task).await
    })
}

fn command(options: &AdminOptions, path: &str, document: &serde_json::Value) -> Result<(), Error> {
    let client = client(options)?;
    run(async {
        let answer = client.post(path, document.to_string()).await?;
        follow(&client, read_task(&answer)?).await
    })
}

fn client(options: &AdminOptions) -> Result<AdminClient, Error> {
    AdminClient::find(&options.admin, options.token_file.as_deref())
}

fn run(work: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::Runtime)?;
    runtime.block_on(work)
}

async fn follow(client: &AdminClient, mut task: Task) -> Result<(), Error> {
    let mut progress = Progress::of(&task);
    let path = format!("/v1/tasks/{}?wait={}ms", task.id, WAIT.as_millis());
    let mut reached = Instant::now();
    loop {
        progress.show(&task);
        if task.is_over() {
            break;
        }
        match client.get_within(&path, WAIT).await {
            Ok(answer) => {
                task = read_task(&answer)?;
                reached = Instant::now();
            }
            // An upgrade replaces the endpoint as well.
            Err(_) if reached.elapsed() < PATIENCE => tokio::time::sleep(PEEK).await,
            Err(error) => return Err(error),
        }
    }
    progress.end(&task);
    match (&task.state, task.error) {
        (TaskState::Completed, _) => Ok(()),
        (_, error) => Err(Error::TaskFailed {
            id: task.id,
            reason: error.map_or_else(|| "no reason given".to_owned(), |error| error.message),
        }),
    }
}

/// Reads a task, or the endpoint's reason for not having one.
fn read_task(answer: &Answer) -> Result<Task, Error> {
    #[derive(Deserialize)]
    struct Document {
        error: Refusal,
    }
    #[derive(Deserialize)]
    struct Refusal {
        code: String,
        message: String,
    }
    if matches!(answer.status, 200 | 202) {
        return Ok(serde_json::from_slice(&answer.body)?);
    }
    let refusal = serde_json::from_slice::<Document>(&answer.body).map(|document| document.error);
    match (answer.status, refusal) {
        (409, Ok(refusal)) => Err(Error::Precondition(refusal.message)),
        (400 | 404, Ok(refusal)) => Err(Error::Usage(refusal.message)),
        (status, refusal) => Err(Error::Answer {
            status,
            message: refusal.map_or_else(
                |_| String::from_utf8_lossy(&answer.body).into_owned(),
                |refusal| format!("{}: {}", refusal.code, refusal.message),
            ),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit;
    use std::process::ExitCode;

    #[test]
    fn each_refusal_has_the_exit_code_that_is_promised() {
        let refused = |status, code: &str| {
            let body = format!(r#"{{"error":{{"code":"{code}","message":"why"}}}}"#);
            let answer = Answer {
                status,
                body: body.into(),
            };
            exit::code(&read_task(&answer).unwrap_err())
        };
        for (status, code, exit) in [
            (409, "precondition_failed", 3),
            (409, "task_running", 3),
            (404, "not_found", 2),
            (400, "bad_request", 2),
            (401, "unauthorized", 1),
            (503, "unavailable", 1),
        ] {
            let expected = format!("{:?}", ExitCode::from(exit));
            assert_eq!(format!("{:?}", refused(status, code)), expected, "{status}");
        }
    }
}
