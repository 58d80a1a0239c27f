//! The figures of one run, which has a process of its own: the stack is a static, and starts fresh.
//!
//! Above: `table`, `check`. Below: `lines::Figures`, as text from process to process.

use crate::Arguments;
use crate::points;
use crate::workloads::Workload;
use alloc_core::sync::lines::{Figures, LockFigures, Point};
use std::collections::BTreeMap;
use std::process::{Command, Stdio};

/// What a run counted, by point of contention.
#[derive(Debug, Default)]
pub struct Counted {
    /// How many cores took part.
    pub cores: usize,
    /// Accesses and transfers.
    pub points: BTreeMap<&'static str, Point>,
    /// Locks.
    pub locks: BTreeMap<&'static str, LockFigures>,
    /// What no entry of `points` knows, by the name that the shim gave it.
    pub unknown: Vec<String>,
    /// From the first core's begin to the last one's end.
    pub steps: u64,
    /// Allocations and frees.
    pub operations: u64,
}

/// Writes figures for [`Counted::of`].
pub fn print(figures: &Figures) {
    println!("all {} {}", figures.steps, figures.operations);
    for (name, p) in &figures.points {
        println!("point {} {} {} {} {name}", p.accesses, p.transfers, p.cold, p.queued_steps);
    }
    for (name, l) in &figures.locks {
        println!("lock {} {} {} {} {name}", l.taken, l.contended, l.waited_steps, l.held_steps);
    }
}

impl Counted {
    /// Runs a workload.
    ///
    /// # Errors
    ///
    /// If its process fails.
    pub fn of(workload: &Workload, cores: usize, arguments: &Arguments) -> Result<Self, String> {
        let this = std::env::current_exe().map_err(|error| error.to_string())?;
        let numbers = [cores as u64, arguments.work, arguments.seed].map(|n| n.to_string());
        let [of_cores, work, seed] = &numbers;
        let output = Command::new(this)
            .args([workload.name, "--plain", "--cores", of_cores, "--work", work, "--seed", seed])
            .stderr(Stdio::inherit())
            .output()
            .map_err(|error| error.to_string())?;
        if !output.status.success() {
            return Err(format!("{} on {cores} cores: {}", workload.name, output.status));
        }
        let mut counted = Self { cores, ..Self::default() };
        let text = String::from_utf8_lossy(&output.stdout);
        match text.lines().try_for_each(|line| counted.take(line)) {
            Some(()) if counted.operations > 0 => Ok(counted),
            _ => Err(format!("{} on {cores} cores: cannot read\n{text}", workload.name)),
        }
    }

    fn take(&mut self, line: &str) -> Option<()> {
        let (kind, rest) = line.split_once(' ')?;
        let mut words = rest.splitn(5, ' ');
        let mut number = || words.next()?.parse::<u64>().ok();
        if kind == "all" {
            (self.steps, self.operations) = (number()?, number()?);
            return Some(());
        }
        let (a, b, c, d) = (number()?, number()?, number()?, number()?);
        let name = words.next()?;
        let point = points::of(name);
        match kind {
            "point" => {
                let sum = self.points.entry(point).or_default();
                sum.accesses += a;
                sum.transfers += b;
                sum.cold += c;
                sum.queued_steps += d;
                if point == points::UNKNOWN {
                    self.unknown.push(name.into());
                }
            }
            _ => {
                let sum = self.locks.entry(point).or_default();
                sum.taken += a;
                sum.contended += b;
                sum.waited_steps += c;
                sum.held_steps += d;
            }
        }
        Some(())
    }

    /// Transfers at a point, for each operation.
    pub fn transfers(&self, point: &str) -> f64 {
        let transfers = self.points.get(point).map_or(0, |point| point.transfers);
        transfers as f64 / self.operations as f64
    }

    /// Transfers at all points of the allocator, for each operation. Not those of the program's own
    /// objects.
    pub fn transfers_of_allocator(&self) -> f64 {
        let own = self.points.keys().filter(|&&point| point != points::OBJECTS);
        own.map(|point| self.transfers(point)).sum()
    }

    /// The part of the time in which some lock of a kind was held. Above 1 where there are several.
    pub fn held(&self, point: &str) -> f64 {
        let held = self.locks.get(point).map_or(0, |lock| lock.held_steps);
        held as f64 / self.steps.max(1) as f64
    }

    /// Steps of waiting for locks of a kind, for each operation.
    pub fn waited(&self, point: &str) -> f64 {
        let waited = self.locks.get(point).map_or(0, |lock| lock.waited_steps);
        waited as f64 / self.operations as f64
    }

    /// Steps of one core for each of its operations.
    pub fn steps_of_operation(&self) -> f64 {
        self.steps as f64 * self.cores as f64 / self.operations as f64
    }
}
