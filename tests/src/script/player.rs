//! Plays a script on a server and compares what two servers said to it.

use super::{Script, Step};
use crate::Failure;
use crate::wire::{self, Login, Reply, Wire};
use std::fmt::Write as _;

/// A step and what came of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Played {
    /// The step.
    step: Step,
    /// The answers, one for each command.
    replies: Vec<Reply>,
}

/// Plays the first `steps` steps of a script.
///
/// # Errors
/// When a connection ends, with the step that it ended in.
pub(super) fn play(script: Script, steps: usize, login: Login<'_>) -> Result<Vec<Played>, Failure> {
    let mut player = None;
    let mut done = Vec::with_capacity(steps);
    for (number, step) in script.take(steps).enumerate() {
        let replies = match &mut player {
            Some(player) if step != Step::Login => Player::play(player, &step),
            player => {
                *player = Some(Player::new(login)?);
                Ok(Vec::new())
            }
        };
        let replies = replies.map_err(|error| {
            let before = done.iter().rev().take(5).rev();
            let before: String = before.map(|played: &Played| shown(&played.step)).collect();
            Failure::answer(
                format!("step {number}: {}after:\n{before}", shown(&step)),
                error.to_string(),
            )
        })?;
        done.push(Played { step, replies });
    }
    Ok(done)
}

/// The first difference between two plays of the same script, for people; `None` when there is none.
#[must_use]
pub(super) fn compare(direct: &[Played], proxied: &[Played]) -> Option<String> {
    if direct.len() != proxied.len() {
        return Some(format!("{} and {} steps", direct.len(), proxied.len()));
    }
    let number = direct.iter().zip(proxied).position(|(a, b)| a != b)?;
    let mut text = format!("step {number} differs; the steps before it:\n");
    for played in direct.get(number.saturating_sub(BEFORE)..number)? {
        text.push_str(&shown(&played.step));
    }
    let (direct, proxied) = (direct.get(number)?, proxied.get(number)?);
    // Writing to a string cannot fail.
    write!(text, "the step: {}", shown(&direct.step)).ok();
    for (direct, proxied) in direct.replies.iter().zip(&proxied.replies) {
        let same = if direct == proxied {
            "same"
        } else {
            "DIFFERENT"
        };
        write!(
            text,
            "{same}\n direct:  {}\n proxied: {}\n",
            bytes(&direct.bytes),
            bytes(&proxied.bytes)
        )
        .ok();
    }
    Some(text)
}

struct Player<'a> {
    wire: Wire,
    login: Login<'a>,
    /// The server's ids of the script's statements.
    ids: Vec<u32>,
}

impl<'a> Player<'a> {
    fn new(login: Login<'a>) -> Result<Self, Failure> {
        Ok(Self {
            wire: Wire::login(login)?,
            login,
            ids: Vec::new(),
        })
    }

    fn play(&mut self, step: &Step) -> Result<Vec<Reply>, Failure> {
        let reply = match step {
            Step::Login => Ok(Reply::default()),
            Step::Command(command) if command.as_slice() == [wire::COM_CHANGE_USER] => {
                self.wire.change_user(self.login)
            }
            Step::Command(command) => self.wire.run(command, ""),
            Step::Pipeline(commands) => return self.wire.pipeline(commands),
            Step::Load(sql, file) => {
                self.wire.offer_file(file);
                let command = [&[wire::COM_QUERY], sql.as_bytes()].concat();
                self.wire.run(&command, "")
            }
            Step::Prepare(number, sql) => self.prepare(*number, sql),
            Step::Prepared(number, command) => {
                let id = self.ids.get(*number).copied().unwrap_or(NOBODYS);
                let mut command = command.clone();
                if let Some(place) = command.get_mut(1..5) {
                    place.copy_from_slice(&id.to_le_bytes());
                }
                self.wire
                    .run(&command, "")
                    .map(|reply| without_id(reply, id))
            }
        };
        reply.map(|reply| vec![reply])
    }

    fn prepare(&mut self, number: usize, sql: &str) -> Result<Reply, Failure> {
        let command = [&[wire::COM_STMT_PREPARE], sql.as_bytes()].concat();
        let mut reply = self.wire.run(&command, "")?;
        self.ids.truncate(number);
        self.ids.push(reply.statement.unwrap_or(NOBODYS));
        // The ids are each server's own.
        reply.statement = reply.statement.map(|_| 0);
        Ok(reply)
    }
}

/// Takes the id of a statement, which is each server's own, out of an error that tells it.
fn without_id(mut reply: Reply, id: u32) -> Reply {
    let told = format!("({id})").into_bytes();
    let at = reply.bytes.windows(told.len()).position(|it| it == told);
    if let Some(at) = at.filter(|_| reply.error.is_some()) {
        reply.bytes.splice(at..at + told.len(), *b"(its id)");
        // The length told it, too.
        if let Some(length) = reply.bytes.get_mut(..3) {
            length.fill(0);
        }
    }
    reply
}

fn shown(step: &Step) -> String {
    match step {
        Step::Login => "login\n".to_owned(),
        Step::Command(command) => format!("{}\n", bytes(command)),
        Step::Pipeline(commands) => {
            let commands: Vec<_> = commands.iter().map(|command| bytes(command)).collect();
            format!("at once: {}\n", commands.join(" | "))
        }
        Step::Load(sql, file) => format!("{sql} ({} bytes)\n", file.len()),
        Step::Prepare(number, sql) => format!("prepare #{number}: {sql}\n"),
        Step::Prepared(number, command) => format!("with #{number}: {}\n", bytes(command)),
    }
}

/// Bytes with all that can be read as it is.
fn bytes(bytes: &[u8]) -> String {
    let shown = bytes.get(..bytes.len().min(SHOWN)).unwrap_or_default();
    let text: String = shown
        .iter()
        .flat_map(|byte| std::ascii::escape_default(*byte))
        .map(char::from)
        .collect();
    format!("{text} ({} bytes)", bytes.len())
}

/// An id that no server has given.
const NOBODYS: u32 = 0x00AB_CDEF;
/// Steps shown before a difference.
const BEFORE: usize = 25;
/// Bytes shown of an answer.
const SHOWN: usize = 700;
