//! Many cases on all processors.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use transhume_testkit::SimulatedServer;
use transhume_testkit::simulated::EVERYTHING;

/// Tries the cases from 0 to `cases`, each with a server that no other uses meanwhile, until one fails. Panics with what it says.
pub(crate) fn try_all(cases: u64, case: impl Fn(&Arc<SimulatedServer>, u64) -> Result<(), String> + Sync) {
    let next = AtomicU64::new(0);
    let has_failed = AtomicBool::new(false);
    let work = || {
        let server = Arc::new(SimulatedServer::start(EVERYTHING).unwrap());
        while !has_failed.load(Ordering::SeqCst) {
            let number = next.fetch_add(1, Ordering::SeqCst);
            if number >= cases {
                break;
            }
            let outcome = without_panic(|| case(&server, number));
            if let Err(failure) = outcome {
                has_failed.store(true, Ordering::SeqCst);
                return Some(format!("case {number} of {cases}: {failure}"));
            }
        }
        None
    };
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    let failures: Vec<String> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        let joined = workers.into_iter().map(|worker| worker.join().unwrap());
        joined.flatten().collect()
    });
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// A panic is a failure like others: the reader of Maildirs panics at what Dovecot would complain about.
pub(crate) fn without_panic(case: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(case)).unwrap_or_else(|panic| {
        let words = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied());
        Err(format!("a panic: {}", words.unwrap_or("without words")))
    })
}
