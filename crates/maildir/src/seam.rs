//! Where tests can cut the power: every change to the disk goes through here.
//!
//! Whatever changes something does so by the [`Power`] of the directory that it works in. As the program is shipped, that
//! is nothing at all. With the feature `power-cut`, which only the tests of other crates turn on (`tidy` sees to that),
//! it asks a [`Gate`] before each change; one that says no has cut the power. Directories take it from the thread that
//! opens the Maildir, and hand it on to the threads that use them.

#[cfg(any(test, feature = "power-cut"))]
pub(crate) use cut::Power;
#[cfg(test)]
pub(crate) use cut::until;
#[cfg(feature = "power-cut")]
pub use cut::{Gate, Supply, supply};
#[cfg(not(any(test, feature = "power-cut")))]
pub(crate) use steady::Power;

#[cfg(not(any(test, feature = "power-cut")))]
mod steady {
    use std::io;

    /// Never fails.
    #[derive(Clone, Debug)]
    pub(crate) struct Power;

    #[expect(clippy::unused_self, reason = "with the feature it holds something")]
    impl Power {
        pub(crate) fn of_this_thread() -> Self {
            Self
        }

        pub(crate) fn step<T>(&self, change: impl FnOnce() -> rustix::io::Result<T>) -> io::Result<T> {
            change().map_err(Into::into)
        }

        pub(crate) fn flush(&self, flush: impl FnOnce() -> rustix::io::Result<()>) -> io::Result<()> {
            flush().map_err(Into::into)
        }

        /// Hands the bytes to `write`, with their offset among all of them.
        pub(crate) fn write(
            &self,
            bytes: &[u8],
            write: impl FnOnce(u64, &[u8]) -> io::Result<()>,
        ) -> io::Result<()> {
            write(0, bytes)
        }

        /// The process that a lock file names as its holder.
        pub(crate) fn process_id(&self) -> u32 {
            std::process::id()
        }
    }
}

#[cfg(any(test, feature = "power-cut"))]
#[cfg_attr(
    not(feature = "power-cut"),
    allow(unreachable_pub, reason = "public only with the feature")
)]
mod cut {
    use std::cell::RefCell;
    use std::fmt;
    use std::io;
    use std::sync::Arc;
    #[cfg(test)]
    use std::sync::atomic::{AtomicI64, Ordering};

    /// Asked before each change; `false` means that the power is out, and nothing changes any more.
    pub type Gate = Arc<dyn Fn() -> bool + Send + Sync>;

    thread_local! {
        static GATE: RefCell<Option<Gate>> = const { RefCell::new(None) };
    }

    /// Above every process number that Linux gives (`PID_MAX_LIMIT`): a process that is dead.
    const DEAD: u32 = i32::MAX.cast_unsigned();

    /// Ends the supply when it is dropped.
    #[must_use]
    #[derive(Debug)]
    pub struct Supply(());

    /// Every Maildir that this thread opens from now on depends on the gate, for as long as it is open.
    pub fn supply(gate: Gate) -> Supply {
        GATE.set(Some(gate));
        Supply(())
    }

    /// Runs `work` as a process that dies before its step number `steps` (from 0): from then on no change
    /// happens any more, the clean-up of dropped values included. Gives back whether it got that far.
    #[cfg(test)]
    pub(crate) fn until<T>(steps: i64, work: impl FnOnce() -> T) -> (T, bool) {
        let left = Arc::new(AtomicI64::new(steps));
        let gate = Arc::clone(&left);
        let _supply = supply(Arc::new(move || gate.fetch_sub(1, Ordering::Relaxed) > 0));
        let result = work();
        (result, left.load(Ordering::Relaxed) < 0)
    }

    impl Drop for Supply {
        fn drop(&mut self) {
            GATE.set(None);
        }
    }

    /// What changes depend on: the gate, or nothing.
    #[derive(Clone)]
    pub(crate) struct Power(Option<Gate>);

    impl Power {
        pub(crate) fn of_this_thread() -> Self {
            Self(GATE.with_borrow(Clone::clone))
        }

        pub(crate) fn step<T>(&self, change: impl FnOnce() -> rustix::io::Result<T>) -> io::Result<T> {
            match &self.0 {
                Some(gate) if !gate() => Err(io::Error::other("the power was cut")),
                _ => change().map_err(Into::into),
            }
        }

        /// Nothing that a test sees depends on it, and it takes most of the time.
        pub(crate) fn flush(&self, flush: impl FnOnce() -> rustix::io::Result<()>) -> io::Result<()> {
            self.step(|| {
                if cfg!(test) || self.0.is_some() {
                    Ok(())
                } else {
                    flush()
                }
            })
        }

        /// Hands the bytes to `write`, with their offset among all of them. A write that is cut short leaves its first
        /// half behind.
        pub(crate) fn write(
            &self,
            bytes: &[u8],
            mut write: impl FnMut(u64, &[u8]) -> io::Result<()>,
        ) -> io::Result<()> {
            if self.0.is_none() {
                return write(0, bytes);
            }
            let half = bytes.len() / 2;
            self.step(|| Ok(()))?;
            write(0, &bytes[..half])?;
            self.step(|| Ok(()))?;
            write(half as u64, &bytes[half..])
        }

        /// A lock that is left behind is a dead process's.
        pub(crate) fn process_id(&self) -> u32 {
            if self.0.is_some() {
                DEAD
            } else {
                std::process::id()
            }
        }
    }
    impl fmt::Debug for Power {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_tuple("Power").field(&self.0.is_some()).finish()
        }
    }
}
