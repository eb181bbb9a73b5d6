//! How busy the whole machine is, from `/proc/stat`.

/// Time of all cores in ticks since the boot.
#[derive(Debug, Clone, Copy, Default)]
pub struct Machine {
    busy: u64,
    all: u64,
}

impl Machine {
    /// The counters now; zeros where there is no `/proc/stat`.
    #[must_use]
    pub fn read() -> Self {
        let stat = std::fs::read_to_string("/proc/stat").unwrap_or_default();
        let line = stat.lines().next().unwrap_or_default();
        Self::parse(line)
    }

    /// The line of all cores: user, nice, system, idle, iowait, irq, softirq, steal.
    fn parse(line: &str) -> Self {
        let numbers: Vec<u64> = line
            .split_whitespace()
            .skip(1)
            .take(8)
            .filter_map(|word| word.parse().ok())
            .collect();
        // Interrupts are nobody's: on the loopback they are the work that is being measured.
        let of_processes = [0, 1, 2, 7];
        let busy = of_processes.iter().filter_map(|&at| numbers.get(at)).sum();
        Self {
            busy,
            all: numbers.iter().sum(),
        }
    }

    /// How much of the machine others than ourselves used since `before`, in percent; `own` is our
    /// own time in ticks.
    #[must_use]
    pub fn others_percent(self, before: Self, own: u64) -> f64 {
        let busy = (self.busy - before.busy).saturating_sub(own);
        let all = (self.all - before.all).max(1);
        #[expect(clippy::cast_precision_loss, reason = "ticks of a benchmark are few")]
        let share = busy as f64 / all as f64;
        share * 100.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_our_own_is_of_others() {
        let before = Machine::parse("cpu 100 0 100 1000 0 0 0 0 0 0");
        let after = Machine::parse("cpu 150 0 130 1120 0 0 0 0 0 0");
        let percent = after.others_percent(before, 60);
        assert!((percent - 10.0).abs() < 1e-9, "{percent}");
    }
}
