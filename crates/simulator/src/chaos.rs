//! Brings faults about and undoes them.

use crate::catalogue::{Catalogue, ServerView, ZoneView};
use crate::cluster::Cluster;
use crate::error::SimulatorError;
use crate::fault::{Fault, Place};
use crate::member::Member;
use crate::packets;
use serde::Serialize;
use std::net::SocketAddr;

/// What is wrong with one server, as `GET /chaos` of the sandbox shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FaultReport {
    /// The server.
    pub addr: SocketAddr,
    /// What is wrong with it; empty for nothing.
    pub faults: Vec<Fault>,
}

impl Cluster {
    /// Brings a fault about at the server `addr`, besides those that it has, or undoes them all
    /// ([`Fault::None`]). [`Fault::Added`] takes an address that no server has; its port may be 0.
    ///
    /// # Errors
    /// [`SimulatorError::BadFault`], [`SimulatorError::NoSuchServer`], [`SimulatorError::Impossible`]
    /// where or while the fault cannot be, and what goes wrong on the way.
    pub fn inject(&self, addr: SocketAddr, fault: &Fault) -> Result<FaultReport, SimulatorError> {
        fault.check()?;
        if matches!(fault, Fault::Clock { .. }) && self.engine.is_some() {
            let text = "the real engine behind all servers has one clock";
            return Err(SimulatorError::Impossible(text.to_owned()));
        }
        let _one_at_a_time = self.injecting.lock();
        if matches!(fault, Fault::Added {}) {
            if self.member(addr).is_ok() {
                let text = format!("{addr} is a server of the cluster");
                return Err(SimulatorError::Impossible(text));
            }
            let member = self.add(addr)?;
            member.note(fault);
            return Ok(report(&member));
        }
        let member = self.member(addr)?;
        if matches!(fault, Fault::None {}) {
            self.heal(&member)?;
            return Ok(report(&member));
        }
        match fault.place() {
            Place::Node => member.set_own(fault)?,
            Place::Process => strike(&member, fault)?,
            Place::Membership => {
                self.give_leaders_away(&member)?;
                self.catalogue.remove_server(member.id, member.addr)?;
                member.end();
            }
            Place::View => match fault {
                Fault::Lead { tablet } => self.take_leaders(&member, *tablet)?,
                Fault::Follow {} => self.give_leaders_away(&member)?,
                _ => {}
            },
        }
        member.note(fault);
        if fault.place() == Place::View {
            self.show(&member)?;
        }
        Ok(report(&member))
    }

    /// What is wrong with each server.
    #[must_use]
    pub fn faults(&self) -> Vec<FaultReport> {
        self.members().iter().map(|member| report(member)).collect()
    }

    /// Undoes every fault of a server.
    fn heal(&self, member: &Member) -> Result<(), SimulatorError> {
        if member.has(&Fault::BlackHole {}) {
            packets::stop_dropping(member.addr)?;
            member
                .faults
                .lock()
                .retain(|fault| !matches!(fault, Fault::BlackHole {}));
        }
        if member.has(&Fault::Added {}) {
            self.give_leaders_away(member)?;
            self.catalogue.remove_server(member.id, member.addr)?;
            self.leave_out(member);
            member.end();
            member.faults.lock().clear();
            return Ok(());
        }
        member.revive()?;
        if member.has(&Fault::Removed {}) {
            self.catalogue
                .restore_server(member.id, member.addr, &member.zone)?;
        }
        member.faults.lock().clear();
        self.show(member)?;
        let led_before = std::mem::take(&mut *member.led_before.lock());
        for (tablet, leader) in led_before {
            if self.members().iter().any(|member| member.id == leader) {
                self.catalogue.move_leader(tablet, leader)?;
            }
        }
        Ok(())
    }

    /// Makes the cluster's view of a server and of its zone follow from their faults.
    fn show(&self, member: &Member) -> Result<(), SimulatorError> {
        let status = member.faults.lock().iter().find_map(|fault| match fault {
            Fault::Status { status } => Some(status.name()),
            _ => None,
        });
        let server = ServerView {
            status: status.unwrap_or("ACTIVE"),
            in_service: !member.has(&Fault::Replay {}),
            stopped: member.has(&Fault::Upgrade {}),
        };
        self.catalogue.set_server(member.id, server)?;
        let members = self.members();
        let of_zone = || members.iter().filter(|other| other.zone == member.zone);
        let zone = ZoneView {
            stopped: of_zone().any(|other| other.has(&Fault::ZoneStopped {})),
            compacting: of_zone().any(|other| other.has(&Fault::Compaction {})),
        };
        self.catalogue.set_zone(&member.zone, zone)
    }

    fn take_leaders(&self, member: &Member, tablet: Option<i64>) -> Result<(), SimulatorError> {
        let all = self.catalogue.leaders()?;
        let taken: Vec<_> = all
            .into_iter()
            .filter(|(known, leader)| {
                *leader != member.id && tablet.is_none_or(|tablet| tablet == *known)
            })
            .collect();
        if taken.is_empty()
            && let Some(tablet) = tablet
            && !self.catalogue.led_by(member.id)?.contains(&tablet)
        {
            return Err(SimulatorError::NoSuchTable(tablet.to_string()));
        }
        for (tablet, _) in &taken {
            self.catalogue.move_leader(*tablet, member.id)?;
        }
        remember(member, &taken);
        Ok(())
    }

    pub(crate) fn give_leaders_away(&self, member: &Member) -> Result<(), SimulatorError> {
        let led = self.catalogue.led_by(member.id)?;
        give_away(&self.catalogue, &led, member.id)?;
        let led: Vec<_> = led.into_iter().map(|tablet| (tablet, member.id)).collect();
        remember(member, &led);
        Ok(())
    }
}

/// The oldest memory of a tablet is the one to go back to.
fn remember(member: &Member, moved: &[(i64, i64)]) {
    let mut before = member.led_before.lock();
    for (tablet, leader) in moved {
        if !before.iter().any(|(known, _)| known == tablet) {
            before.push((*tablet, *leader));
        }
    }
}

/// Deals tablets to all servers but one.
fn give_away(catalogue: &Catalogue, tablets: &[i64], from: i64) -> Result<(), SimulatorError> {
    let servers = catalogue.servers()?;
    let others: Vec<i64> = servers
        .into_iter()
        .map(|server| server.id)
        .filter(|id| *id != from)
        .collect();
    for (tablet, other) in tablets.iter().zip(others.iter().cycle()) {
        catalogue.move_leader(*tablet, *other)?;
    }
    Ok(())
}

/// Faults of the process or of its packets.
fn strike(member: &Member, fault: &Fault) -> Result<(), SimulatorError> {
    let process = member.process()?;
    match fault {
        Fault::Stop {} => process.stop(),
        Fault::BlackHole {} if member.has(fault) => Ok(()),
        Fault::BlackHole {} => {
            packets::start_dropping(member.addr)?;
            process.fence()
        }
        _ => {
            process.kill();
            Ok(())
        }
    }
}

fn report(member: &Member) -> FaultReport {
    FaultReport {
        addr: member.addr,
        faults: member.look().0,
    }
}
