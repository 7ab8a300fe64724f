//! Where tests can cut the power: every change to the database goes through here.
//!
//! As the program is shipped, [`Power`] is nothing at all. With the feature `power-cut`, which only the tests of other crates
//! turn on (`tidy` sees to that), it asks a [`Gate`] before each change becomes lasting; one that says no has cut the
//! power. A store takes it from the thread that opens it.

#[cfg(feature = "power-cut")]
pub(crate) use cut::Power;
#[cfg(feature = "power-cut")]
pub use cut::{Gate, Supply, supply};
#[cfg(not(feature = "power-cut"))]
pub(crate) use steady::Power;

#[cfg(not(feature = "power-cut"))]
mod steady {
    /// Never fails.
    #[derive(Clone, Debug)]
    pub(crate) struct Power;

    #[expect(
        clippy::unused_self,
        clippy::unnecessary_wraps,
        reason = "with the feature it holds something and can fail"
    )]
    impl Power {
        pub(crate) fn of_this_thread() -> Self {
            Self
        }

        pub(crate) fn step(&self) -> Result<(), sqlx::Error> {
            Ok(())
        }
    }
}

#[cfg(feature = "power-cut")]
mod cut {
    use std::cell::RefCell;
    use std::fmt;
    use std::io;
    use std::sync::Arc;

    /// Asked before each change; `false` means that the power is out, and nothing changes any more.
    pub type Gate = Arc<dyn Fn() -> bool + Send + Sync>;

    thread_local! {
        static GATE: RefCell<Option<Gate>> = const { RefCell::new(None) };
    }

    /// Ends the supply when it is dropped.
    #[must_use]
    #[derive(Debug)]
    pub struct Supply(());

    /// Every store that this thread opens from now on depends on the gate, for as long as it is open.
    pub fn supply(gate: Gate) -> Supply {
        GATE.set(Some(gate));
        Supply(())
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

        pub(crate) fn step(&self) -> Result<(), sqlx::Error> {
            match &self.0 {
                Some(gate) if !gate() => Err(io::Error::other("the power was cut").into()),
                _ => Ok(()),
            }
        }
    }

    impl fmt::Debug for Power {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_tuple("Power").field(&self.0.is_some()).finish()
        }
    }
}
