//! Both engines, with as many empty directories as a test wants.

use std::cell::Cell;

use tempfile::TempDir;
use transhume_db::directory::DirectoryLocation;
use transhume_testkit::Postgres;

/// An engine, and a place for directories in it.
pub(crate) struct Place {
    name: &'static str,
    folder: Option<TempDir>,
    count: Cell<u32>,
}

/// Runs a test on each engine, under a name that no other test of this program has.
pub(crate) fn each_engine(name: &'static str, test: impl Fn(&Place)) {
    for folder in [Some(tempfile::tempdir().unwrap()), None] {
        test(&Place {
            name,
            folder,
            count: Cell::new(0),
        });
    }
}

impl Place {
    /// Where nothing is yet.
    pub(crate) fn fresh(&self) -> DirectoryLocation {
        self.count.set(self.count.get() + 1);
        let text = if let Some(folder) = &self.folder {
            format!("sqlite:{}/{}.sqlite", folder.path().display(), self.count.get())
        } else {
            // Made anew each time: PostgreSQL takes longer to make a database than to forget one's tables.
            let server = Postgres::shared();
            let again = "DROP SCHEMA public CASCADE; CREATE SCHEMA public";
            if self.count.get() == 1 || server.sql(self.name, again).is_err() {
                server.create_database(self.name).unwrap();
            }
            server.socket_url(self.name)
        };
        DirectoryLocation::parse(&text).unwrap()
    }
}

/// Waits for what is asynchronous.
pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}
