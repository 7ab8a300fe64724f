//! Where tests can cut the power: every change to the disk goes through here.

#[cfg(not(test))]
pub(crate) use real::{flush, process_id, step, torn_write};

#[cfg(not(test))]
mod real {
    use std::io;

    pub(crate) fn step<T>(change: impl FnOnce() -> rustix::io::Result<T>) -> io::Result<T> {
        change().map_err(Into::into)
    }

    pub(crate) fn flush(flush: impl FnOnce() -> rustix::io::Result<()>) -> io::Result<()> {
        flush().map_err(Into::into)
    }

    pub(crate) fn torn_write(bytes: &[u8], write: impl FnOnce(&[u8]) -> io::Result<()>) -> io::Result<()> {
        write(bytes)
    }

    /// The process that a lock file names as its holder.
    pub(crate) fn process_id() -> u32 {
        std::process::id()
    }
}

#[cfg(test)]
pub(crate) use cut::{flush, process_id, step, torn_write, until};

#[cfg(test)]
mod cut {
    use std::cell::Cell;
    use std::io;

    thread_local! {
        static LEFT: Cell<Option<u64>> = const { Cell::new(None) };
        static PROCESS: Cell<Option<u32>> = const { Cell::new(None) };
    }

    /// Runs `work` as a process that dies before its step number `steps` (from 0): from then on no change
    /// happens any more, the clean-up of dropped values included. Gives back whether it got that far.
    pub(crate) fn until<T>(steps: u64, dead_process: u32, work: impl FnOnce() -> T) -> (T, bool) {
        LEFT.set(Some(steps));
        PROCESS.set(Some(dead_process));
        let result = work();
        let died = LEFT.get() == Some(0);
        LEFT.set(None);
        PROCESS.set(None);
        (result, died)
    }

    fn dead() -> io::Error {
        io::Error::other("the power was cut")
    }

    fn count() -> bool {
        match LEFT.get() {
            None => true,
            Some(0) => false,
            Some(left) => {
                LEFT.set(Some(left - 1));
                true
            }
        }
    }

    pub(crate) fn step<T>(change: impl FnOnce() -> rustix::io::Result<T>) -> io::Result<T> {
        if count() {
            change().map_err(Into::into)
        } else {
            Err(dead())
        }
    }

    /// Nothing that a test sees depends on it, and it takes most of the time.
    pub(crate) fn flush(_: impl FnOnce() -> rustix::io::Result<()>) -> io::Result<()> {
        step(|| Ok(()))
    }

    /// A write that is cut short leaves its first half behind.
    pub(crate) fn torn_write(bytes: &[u8], write: impl FnOnce(&[u8]) -> io::Result<()>) -> io::Result<()> {
        match LEFT.get() {
            Some(0) => Err(dead()),
            Some(1) => {
                LEFT.set(Some(0));
                write(&bytes[..bytes.len() / 2])?;
                Err(dead())
            }
            _ => {
                count();
                write(bytes)
            }
        }
    }

    pub(crate) fn process_id() -> u32 {
        PROCESS.get().unwrap_or_else(std::process::id)
    }
}
