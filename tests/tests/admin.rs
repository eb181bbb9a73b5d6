//! The admin endpoint as operators and load balancers use it: `curl`, access, exit codes, and the
//! description of the API.

use odp_tests::clients::{curl, odp};
use odp_tests::process::command_line;
use odp_tests::proxy::Settings;
use odp_tests::{Failure, Proxy, Stage, Task, Timer, port, workspace};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

#[test]
fn every_http_call_of_the_readme_works_with_curl() -> Result<(), Failure> {
    let _timer = Timer::start();
    let stage = stage()?;
    let url = format!("http://127.0.0.1:{}", stage.proxy.admin().port());
    let calls = calls_of_the_readme()?;
    assert!(calls.len() >= 8, "README.md names only {calls:?}");
    let authorization = format!("Authorization: Bearer {}", Stage::TOKEN);
    let mut last_task = "1".to_owned();
    for (method, path, body) in calls {
        match path.as_str() {
            "/v1/start" if stage.proxy.state()? != "Stopped" => {
                stage.complete("stop", None)?;
            }
            "/v1/restart" | "/v1/stop" | "/v1/upgrade" if stage.proxy.state()? == "Stopped" => {
                stage.complete("start", None)?;
            }
            _ => {}
        }
        let path = path
            .replace("{id}", &last_task)
            .replace("{addr}", &stage.cluster().servers()?[0].addr);
        let address = format!("{url}{path}");
        let mut arguments = vec!["-X", &method, &address, "-H", &authorization];
        let odp = workspace::odp()?.display().to_string();
        let body = body.map(|body| body.replace("/path", &odp));
        if let Some(body) = &body {
            arguments.extend(["-H", "Content-Type: application/json", "-d", body]);
        }
        let (status, answer) = curl(&arguments)?;
        let makes_a_task = method == "POST" && !path.starts_with("/v1/servers/");
        let expected = if makes_a_task { 202 } else { 200 };
        assert_eq!(status, expected, "{method} {path} {body:?}: {answer}");
        if makes_a_task {
            let task: Value = serde_json::from_str(&answer)
                .map_err(|error| Failure::answer(&address, error.to_string()))?;
            last_task = task.get("id").map(Value::to_string).unwrap_or_default();
            let mut task = Task::at(stage.proxy.admin(), &last_task);
            task.wait(MOMENT)?;
            assert_eq!(task.state(), "Completed", "{path}: {}", task.body);
        }
    }
    Ok(())
}

#[test]
fn the_curl_lines_of_the_readme_work_as_they_stand() -> Result<(), Failure> {
    let _timer = Timer::start();
    let stage = Stage::start_without_token()?;
    let readme = std::fs::read_to_string(workspace::root().join("README.md"))
        .map_err(Failure::io("read README.md"))?;
    let readme = readme.replace("\\\n", "");
    let server = stage.cluster().servers()?.swap_remove(0);
    let lines = readme
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with("curl "));
    let mut ran = 0;
    for line in lines {
        ran += 1;
        if line.contains("/v1/start") && stage.proxy.state()? != "Stopped" {
            stage.complete("stop", None)?;
        }
        let command = line
            .replace(":2884", &format!(":{}", stage.proxy.admin().port()))
            .replace(":2890", &format!(":{}", stage.cluster().control_port()))
            .replace(":40001", &format!(":{}", server.port))
            .replace("10.0.0.1:2881", &server.addr)
            .replace(
                "/var/lib/odp",
                &stage.dir().join("state").display().to_string(),
            )
            .replace(
                "/opt/odp-0.2/bin/odp",
                &workspace::odp()?.display().to_string(),
            );
        let mut shell = Command::new("sh");
        shell.args([
            "-c",
            &command.replacen("curl ", "curl --silent --fail-with-body ", 1),
        ]);
        let output = odp_tests::process::run_to_end(&mut shell, MOMENT)
            .map_err(|failure| Failure::answer(line, failure.to_string()))?;
        assert!(!output.is_empty(), "{line} printed nothing");
        settle(&stage)?;
    }
    assert!(ran >= 2, "README.md has only {ran} lines with curl");
    Ok(())
}

#[test]
fn the_openapi_document_tells_what_the_endpoint_does() -> Result<(), Failure> {
    let _timer = Timer::start();
    let stage = stage()?;
    let admin = stage.proxy.admin();
    let document = admin.get("/v1/openapi.json")?.json()?;
    let paths = document.get("paths").and_then(Value::as_object);
    let paths = paths.ok_or_else(|| Failure::answer("paths", document.to_string()))?;
    let mut described = BTreeSet::new();
    for (path, methods) in paths {
        let concrete = path.replace("{id}", "987654").replace("{addr}", "10.0.0.1");
        let methods = methods.as_object().into_iter().flatten();
        let known: Vec<_> = methods
            .clone()
            .map(|(method, _)| method.to_uppercase())
            .collect();
        for (method, operation) in methods {
            described.insert((method.to_uppercase(), path.clone()));
            // Asks for nothing that would be carried out.
            let nonsense = json!({"no such key": 1});
            let body = (method == "post").then_some(&nonsense);
            let answer = admin.request(&method.to_uppercase(), &concrete, body)?;
            let status = answer.status.to_string();
            let told = operation.pointer(&format!("/responses/{status}"));
            let text = format!("{method} {path}: {status} {}", answer.body);
            assert!(told.is_some(), "not described: {text}");
            assert!(answer.status != 405 && answer.status < 500, "{text}");
            if answer.status >= 400 {
                let error = answer.json()?;
                assert!(
                    error.pointer("/error/code").is_some_and(Value::is_string),
                    "{text}"
                );
                assert!(
                    error
                        .pointer("/error/message")
                        .is_some_and(Value::is_string),
                    "{text}"
                );
            }
        }
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "NONSENSE"] {
            if known.iter().any(|known| known == method) {
                continue;
            }
            let answer = admin.request(method, &concrete, None)?;
            assert_eq!(answer.status, 405, "{method} {path}: {}", answer.body);
        }
    }
    for (method, path, _) in calls_of_the_readme()? {
        let path = path.split('?').next().unwrap_or_default().to_owned();
        assert!(
            described.contains(&(method.clone(), path.clone())),
            "{method} {path} of README.md is not in the document"
        );
    }
    // A status has exactly the members that the document gives it.
    let members = document.pointer("/components/schemas/Status/properties");
    let members: Option<BTreeSet<_>> = members
        .and_then(Value::as_object)
        .map(|m| m.keys().collect());
    let status = stage.proxy.status()?;
    let shown: Option<BTreeSet<_>> = status.as_object().map(|status| status.keys().collect());
    assert_eq!(members, shown);
    // So has a receipt, down to each fate.
    let task = stage.restart()?;
    let receipt = task.body.get("receipt").cloned().unwrap_or_default();
    let described = document.pointer("/components/schemas/Receipt");
    let described = described.cloned().unwrap_or_default();
    assert_eq!(shape(&document, &described), members_of(&receipt));
    Ok(())
}

/// The members of a described object, nested ones with their paths.
fn shape(document: &Value, schema: &Value) -> BTreeSet<String> {
    let reference = schema.get("$ref").and_then(Value::as_str);
    let resolved = reference.and_then(|path| document.pointer(path.trim_start_matches('#')));
    let properties = resolved.unwrap_or(schema).get("properties");
    let properties = properties.and_then(Value::as_object).into_iter().flatten();
    let nested = |(name, inner): (&String, &Value)| prefixed(name, shape(document, inner));
    properties.flat_map(nested).collect()
}

/// The members of an object, nested ones with their paths.
fn members_of(value: &Value) -> BTreeSet<String> {
    let members = value.as_object().into_iter().flatten();
    let nested = |(name, inner): (&String, &Value)| prefixed(name, members_of(inner));
    members.flat_map(nested).collect()
}

fn prefixed(name: &str, inner: BTreeSet<String>) -> BTreeSet<String> {
    if inner.is_empty() {
        return BTreeSet::from([name.to_owned()]);
    }
    let path = |rest| format!("{name}/{rest}");
    inner.into_iter().map(path).collect()
}

#[test]
fn without_the_token_only_health_answers_and_no_page_gets_through() -> Result<(), Failure> {
    let _timer = Timer::start();
    let stage = stage()?;
    let url = format!("http://127.0.0.1:{}", stage.proxy.admin().port());
    let right = format!("Authorization: Bearer {}", Stage::TOKEN);
    let almost = format!("Authorization: Bearer {}x", Stage::TOKEN);
    let json = "Content-Type: application/json";
    for (expected, path, extra) in [
        (200, "/health", vec![]),
        (401, "/v1/status", vec![]),
        (401, "/metrics", vec![]),
        (401, "/v1/tasks", vec!["-H", &almost]),
        (
            401,
            "/v1/openapi.json",
            vec!["-H", "Authorization: Basic eHg="],
        ),
        (401, "/nothing", vec![]),
        (404, "/nothing", vec!["-H", &right]),
        (401, "/v1/stop", vec!["-X", "POST"]),
        (
            401,
            "/v1/upgrade",
            vec!["-H", json, "-d", "{\"binary\": \"/bin/true\"}"],
        ),
        (403, "/health", vec!["-H", "Origin: http://example.com"]),
        (403, "/v1/status", vec!["-H", &right, "-H", "Origin: null"]),
        (
            403,
            "/v1/status",
            vec!["-H", &right, "-H", "Host: example.com"],
        ),
        (400, "/v1/restart", vec!["-H", &right, "-d", "mode=force"]),
        (
            400,
            "/v1/restart",
            vec!["-H", &right, "-H", json, "-d", "{\"mode\": \"often\"}"],
        ),
        (
            400,
            "/v1/restart",
            vec!["-H", &right, "-H", json, "-d", "{\"mode\""],
        ),
        (
            400,
            "/v1/upgrade",
            vec!["-H", &right, "-H", json, "-d", "{\"binary\": \"odp\"}"],
        ),
    ] {
        let address = format!("{url}{path}");
        let arguments = [vec![address.as_str()], extra].concat();
        let (status, body) = curl(&arguments)?;
        assert_eq!(status, expected, "{arguments:?}: {body}");
    }
    assert_eq!(stage.proxy.state()?, "Running");
    let log = stage.proxy.log();
    assert!(
        !log.contains(Stage::TOKEN),
        "the token is in the log:\n{log}"
    );
    for id in odp_tests::process::in_folder(stage.dir()) {
        let line = command_line(id);
        assert!(!line.contains(Stage::TOKEN), "the token is in `ps`: {line}");
    }
    Ok(())
}

#[test]
fn an_upgrade_asks_for_a_token_or_comes_over_the_owners_socket() -> Result<(), Failure> {
    let _timer = Timer::start();
    let stage = Stage::start_without_token()?;
    let odp = workspace::odp()?;
    let body = json!({"binary": odp}).to_string();
    let url = format!("http://127.0.0.1:{}/v1/upgrade", stage.proxy.admin().port());
    let post = ["-H", "Content-Type: application/json", "-d", &body];
    let (status, answer) = curl(&[&[url.as_str()], &post[..]].concat())?;
    assert_eq!(status, 403, "{answer}");
    let socket = stage.dir().join("state/admin.sock").display().to_string();
    let through = ["--unix-socket", &socket, "http://localhost/v1/upgrade"];
    let (status, answer) = curl(&[&through[..], &post[..]].concat())?;
    assert_eq!(status, 202, "{answer}");
    settle(&stage)?;
    let list = stage.proxy.admin().get("/v1/tasks")?.json()?;
    let newest = list.pointer("/tasks/0/state").and_then(Value::as_str);
    assert_eq!(newest, Some("Completed"), "{list}");
    Ok(())
}

#[test]
fn an_endpoint_for_everybody_without_a_token_is_refused_at_the_start() -> Result<(), Failure> {
    let _timer = Timer::start();
    let settings = Settings::in_front_of(&[port::free()?]).with("admin_bind", "\"0.0.0.0\"");
    let mut proxy = Proxy::spawn(&settings)?;
    let status = proxy.wait_for_end(MOMENT)?;
    assert_eq!(status.code(), Some(1), "{}", proxy.evidence());
    assert!(proxy.log().contains("admin_token"), "{}", proxy.evidence());
    Ok(())
}

#[test]
fn the_command_line_ends_with_the_exit_codes_that_scripts_rely_on() -> Result<(), Failure> {
    let _timer = Timer::start();
    let stage = stage()?;
    let admin = format!("http://127.0.0.1:{}", stage.proxy.admin().port());
    let nobody = format!("http://127.0.0.1:{}", port::free()?);
    let config = stage.proxy.config();
    let good = std::fs::read_to_string(&config).map_err(Failure::io("read the configuration"))?;
    let run = |expected: i32, words: &[&str], arguments: &[&str]| -> Result<(), Failure> {
        let (status, stdout, stderr) = odp(arguments)?;
        let text = format!(
            "odp {arguments:?}: {stdout}{stderr}\n{}",
            stage.proxy.evidence()
        );
        assert_eq!(status.code(), Some(expected), "{text}");
        for word in words {
            assert!(text.contains(word), "no {word} in {text}");
        }
        // Not on a terminal: lines, no control sequences of a progress bar.
        assert!(
            !stdout.contains('\u{1b}') && !stderr.contains('\u{1b}'),
            "{text}"
        );
        Ok(())
    };
    // The token of a proxy on the same host is found without help.
    run(0, &["Running"], &["status", "--admin", &admin])?;
    run(0, &["drain"], &["restart", "--admin", &admin])?;
    run(0, &[], &["restart", "--force", "--admin", &admin])?;
    run(3, &[], &["start", "--admin", &admin])?;
    std::fs::write(&config, format!("{good}lisen_port = 1\n"))
        .map_err(Failure::io("break the configuration"))?;
    run(1, &["lisen_port"], &["restart", "--admin", &admin])?;
    std::fs::write(&config, &good).map_err(Failure::io("mend the configuration"))?;
    run(1, &["lisen_port"], &["task", "3", "--admin", &admin])?;
    run(0, &[], &["task", "1", "--admin", &admin])?;
    run(
        1,
        &["No such file"],
        &["upgrade", "/no/such/odp", "--admin", &admin],
    )?;
    let odp = workspace::odp()?.display().to_string();
    run(0, &[], &["upgrade", &odp, "--admin", &admin])?;
    run(0, &[], &["stop", "--admin", &admin])?;
    run(3, &[], &["stop", "--admin", &admin])?;
    run(3, &[], &["restart", "--admin", &admin])?;
    run(0, &["Stopped"], &["status", "--admin", &admin])?;
    run(0, &[], &["start", "--admin", &admin])?;
    run(2, &[], &["restart", "--often"])?;
    run(2, &[], &["task", "first", "--admin", &admin])?;
    run(2, &[], &["status", "--admin", "nonsense://"])?;
    for command in ["status", "restart", "stop", "start"] {
        run(4, &[], &[command, "--admin", &nobody])?;
    }
    Ok(())
}

/// The calls in the table of README.md: method, path, and a body that the row shows.
fn calls_of_the_readme() -> Result<Vec<(String, String, Option<String>)>, Failure> {
    let readme = std::fs::read_to_string(workspace::root().join("README.md"))
        .map_err(Failure::io("read README.md"))?;
    let mut calls = Vec::new();
    for row in readme.lines().filter(|line| line.starts_with("| `")) {
        let quoted: Vec<_> = row.split('`').skip(1).step_by(2).collect();
        let mut bodies: Vec<_> = quoted
            .iter()
            .filter(|words| words.starts_with("{\""))
            .map(|body| Some((*body).to_owned()))
            .collect();
        if bodies.is_empty() {
            bodies.push(None);
        }
        for words in &quoted {
            if let Some((method @ ("GET" | "POST"), path)) = words.split_once(' ') {
                let call =
                    |body: &Option<String>| (method.to_owned(), path.to_owned(), body.clone());
                calls.extend(bodies.iter().map(call));
            }
        }
    }
    Ok(calls)
}

fn stage() -> Result<Stage, Failure> {
    Stage::start(|settings| settings.with("hot_upgrade_exit_timeout", "\"1s\""))
}

/// Waits until no task runs.
fn settle(stage: &Stage) -> Result<(), Failure> {
    odp_tests::wait::until("the end of every task", MOMENT, || {
        let explain = |failure: Failure| failure.to_string();
        let list = stage.proxy.admin().get("/v1/tasks").map_err(explain)?;
        let list = list.json().map_err(explain)?;
        let tasks = list.pointer("/tasks").and_then(Value::as_array);
        let running = |task: &Value| task.get("state").and_then(Value::as_str) == Some("Running");
        match tasks {
            Some(tasks) if !tasks.iter().any(running) => Ok(()),
            _ => Err(list.to_string()),
        }
    })
}

const MOMENT: Duration = Duration::from_secs(30);
