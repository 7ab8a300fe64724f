//! Several programs at once.

use transhume_db::directory::DirectoryStore;
use transhume_model::directory::{Domain, DomainName, Entry};
use transhume_model::plan::directory::Change;

use crate::places::{each_engine, wait};

fn domain(name: &str) -> Change {
    Change::Add(Entry::Domain(Domain::local(DomainName::parse(name).unwrap())))
}

#[test]
fn the_second_writer_waits_and_sees_what_the_first_has_done() {
    each_engine("writers", |place| {
        let at = place.fresh();
        wait(async {
            let mut first = DirectoryStore::open(&at).await.unwrap();
            let mut second = DirectoryStore::open(&at).await.unwrap();
            let mut reader = DirectoryStore::open_to_read(&at).await.unwrap();

            let mut one = first.begin().await.unwrap();
            one.apply(&[domain("a.example")]).await.unwrap();
            // Nobody sees what is not committed, and nobody who only reads has to wait.
            assert!(reader.read().await.unwrap().domains.is_empty());

            let (told, mut asked) = tokio::sync::oneshot::channel();
            let waiting = async {
                let mut two = second.begin().await.unwrap();
                let seen = two.read().await.unwrap();
                told.send(()).unwrap();
                two.apply(&[domain("b.example")]).await.unwrap();
                two.commit().await.unwrap();
                seen
            };
            let committing = async {
                // The other has asked for its turn by now, and has not got it.
                reader.read().await.unwrap();
                assert!(asked.try_recv().is_err());
                one.commit().await.unwrap();
            };
            let (seen, ()) = tokio::join!(waiting, committing);
            assert_eq!(
                seen.domains.len(),
                1,
                "the second plans with what the first has written"
            );
            assert_eq!(reader.read().await.unwrap().domains.len(), 2);
        });
    });
}

#[test]
fn programs_that_begin_together_make_one_schema() {
    each_engine("together", |place| {
        let at = place.fresh();
        wait(async {
            let open = || DirectoryStore::open(&at);
            let (one, two, three) = tokio::join!(open(), open(), open());
            for store in [one, two, three] {
                assert!(store.unwrap().read().await.unwrap().domains.is_empty());
            }
        });
    });
}
