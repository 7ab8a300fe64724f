//! What questions are handed on to.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use transhume_db::directory::DirectoryPool;
use transhume_model::directory::Secret;
use transhume_ops::admit_login::{Admission, Surroundings};
use transhume_ops::first_start::FirstStart;
use transhume_ops::platform::Platform;
use transhume_ops::sign_in::SignIns;
use transhume_ops::upload::Upload;

use crate::console::Held;
use crate::gate::Throttles;
use crate::live::Live;

/// What questions are handed on to. Its copies are the same one.
#[derive(Clone)]
pub struct WebState {
    /// Lets people in.
    pub(crate) admission: Admission,
    /// What whoever asks the hooks has to know; where there is none, programs on this machine may ask, and no others.
    pub(crate) hook_secret: Option<Arc<Secret>>,
    /// What operations need.
    pub(crate) around: Surroundings,
    /// What pages and the API need besides.
    pub(crate) desk: Arc<Desk>,
    /// The folder of the state files, where this machine has them.
    pub(crate) state_folder: Option<Arc<Path>>,
}

/// How the console is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConsoleRules {
    /// Whether browsers reach it by TLS alone: then the cookie never travels otherwise.
    pub is_secure: bool,
    /// Whether a proxy stands before it, whose word on where somebody comes from counts (`X-Forwarded-For`).
    pub is_behind_proxy: bool,
    /// Questions each minute in one account's name.
    pub per_minute: u32,
}

impl Default for ConsoleRules {
    fn default() -> Self {
        Self {
            is_secure: false,
            is_behind_proxy: false,
            per_minute: 1200,
        }
    }
}

/// What pages and the API share.
pub(crate) struct Desk {
    pub(crate) rules: ConsoleRules,
    pub(crate) throttles: Throttles,
    pub(crate) sign_ins: SignIns,
    pub(crate) first_start: FirstStart,
    pub(crate) live: Live,
    /// Files whose preview somebody looks at, each with the page that they are on.
    pub(crate) uploads: Held<(&'static str, Upload)>,
    /// Platforms whose preview somebody looks at.
    pub(crate) platforms: Held<Platform>,
}

impl WebState {
    /// Nobody has asked yet.
    pub fn new(
        admission: Admission,
        hook_secret: Option<Secret>,
        around: Surroundings,
        rules: ConsoleRules,
        first_start: FirstStart,
    ) -> Self {
        let desk = Desk {
            rules,
            throttles: Throttles::new(rules.per_minute),
            sign_ins: SignIns::new(),
            first_start,
            live: Live::new(
                around.directory.clone(),
                Arc::clone(&around.clock),
                Arc::clone(&around.log),
            ),
            uploads: Held::new(),
            platforms: Held::new(),
        };
        Self {
            admission,
            hook_secret: hook_secret.map(Arc::new),
            around,
            desk: Arc::new(desk),
            state_folder: None,
        }
    }

    /// The same, where this machine has the state files: pages tell what they say of each folder.
    #[must_use]
    pub fn with_state_files(self, folder: &Path) -> Self {
        Self {
            state_folder: Some(folder.into()),
            ..self
        }
    }

    /// The directory.
    pub(crate) fn directory(&self) -> &DirectoryPool {
        &self.around.directory
    }

    /// What has passed since 1970 UTC.
    pub(crate) fn time(&self) -> Duration {
        (self.around.clock)()
    }

    /// Seconds since 1970 UTC.
    pub(crate) fn now(&self) -> i64 {
        i64::try_from(self.time().as_secs()).unwrap_or(i64::MAX)
    }

    /// The way in as long as there is no `SuperAdmin`.
    pub(crate) fn first_start(&self) -> &FirstStart {
        &self.desk.first_start
    }
}

impl fmt::Debug for WebState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebState").finish_non_exhaustive()
    }
}
