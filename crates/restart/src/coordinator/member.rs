//! A generation as the coordinator sees it: its process and what it has said.

use crate::Error;
use crate::estate::Adopted;
use crate::event::GenerationId;
use crate::generation::{Generation, Report};
use crate::listener::Listeners;
use crate::message::Hello;
use crate::status::Heard;
use std::time::Instant;
use tokio::sync::mpsc;

/// A generation whose process has not ended.
pub(super) struct Member {
    pub(super) generation: Generation,
    pub(super) hello: Option<Hello>,
    pub(super) heard: Option<Heard>,
    pub(super) ticks: Vec<u64>,
    /// Whether it has its offer.
    pub(super) is_offered: bool,
    /// Why it said that it cannot serve.
    pub(super) refusal: Option<String>,
}

impl Member {
    pub(super) fn new(generation: Generation) -> Self {
        Self {
            generation,
            hello: None,
            heard: None,
            ticks: Vec::new(),
            is_offered: false,
            refusal: None,
        }
    }

    pub(super) fn adopted(
        adopted: Adopted,
        reports: mpsc::Sender<(GenerationId, Report)>,
    ) -> Result<(Self, Listeners), Error> {
        let number = adopted.generation;
        let heard = Heard {
            generation: number,
            at: Instant::now(),
            snapshot: adopted.heartbeat.snapshot.into(),
        };
        let member = Self {
            generation: Generation::hold(number, adopted.running, reports)?,
            hello: Some(adopted.hello),
            heard: Some(heard),
            ticks: adopted.heartbeat.ticks,
            is_offered: true,
            refusal: None,
        };
        Ok((member, adopted.listeners))
    }
}
