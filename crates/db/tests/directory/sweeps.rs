//! What happens between a cut-over and the day on which the old password is forgotten.

use transhume_db::Sealer;
use transhume_db::directory::{
    CredentialFor, CredentialOwner, DirectoryPool, Leased, SealedCredential, TransitionError,
};
use transhume_model::migration::{Event, Hold, Migration, MigrationId, Phase, Why};

use crate::leases::{directory, hand_back};
use crate::migrations::{address, complete};
use crate::places::{each_engine, wait};

fn sealed() -> SealedCredential {
    let folder = tempfile::tempdir().unwrap();
    let sealer = Sealer::open(&folder.path().join("key")).unwrap();
    let old = address("ann@old.example");
    CredentialFor::OldAddress(&old).seal(&sealer, b"geheim").unwrap()
}

/// A migration that is followed, with its password.
async fn followed(pool: &DirectoryPool, id: MigrationId) {
    let mut transaction = pool.begin().await.unwrap();
    let owner = CredentialOwner::Migration(id);
    transaction.set_credential(owner, &sealed(), 50).await.unwrap();
    transaction.commit().await.unwrap();
    pool.happen(id, Event::PassBegan, 50).await.unwrap();
    pool.happen(id, complete(50), 50).await.unwrap();
}

async fn knows_password(pool: &DirectoryPool, id: MigrationId) -> bool {
    pool.credential(CredentialOwner::Migration(id))
        .await
        .unwrap()
        .is_some()
}

async fn leased(pool: &DirectoryPool, now: i64) -> Option<Leased> {
    pool.lease_due("one", now, now + 60, 9).await.unwrap().pop()
}

async fn stands(pool: &DirectoryPool, id: MigrationId) -> Migration {
    pool.migration(id).await.unwrap().unwrap().migration
}

#[test]
fn an_old_mailbox_is_swept_until_the_time_is_over_and_its_password_forgotten() {
    each_engine("sweeps", |place| {
        let at = place.fresh();
        wait(async {
            let (pool, ids) = directory(&at, &["ann"], 10).await;
            let id = ids[0];
            followed(&pool, id).await;
            // The pass that is under way when it is asked for is not the last one, though it finds nothing.
            let before = leased(&pool, 100).await.unwrap();
            pool.happen(id, Event::CutOver, 110).await.unwrap();
            let back = hand_back(vec![complete(120)], 900, None);
            let then = pool.hand_back(before.lease, "one", back).await.unwrap();
            assert_eq!((then.phase, then.swept_until), (Phase::Finishing, None));
            let last = leased(&pool, 130).await.expect("one more is due at once");
            let back = hand_back(vec![complete(140)], 150, None);
            let then = pool.hand_back(last.lease, "one", back).await.unwrap();
            assert_eq!((then.phase, then.swept_until), (Phase::Finished, Some(240)));
            assert_eq!(stands(&pool, id).await, then);
            assert!(knows_password(&pool, id).await);
            // It is swept.
            let sweep = leased(&pool, 150).await.expect("a sweep is due");
            assert_eq!(sweep.migration, then);
            let back = hand_back(vec![Event::Held(Hold::TargetFull), complete(160)], 170, None);
            assert_eq!(pool.hand_back(sweep.lease, "one", back).await.unwrap(), then);
            // Until it is over.
            assert_eq!(pool.end_sweeps(239).await.unwrap(), []);
            assert!(leased(&pool, 240).await.is_none(), "no pass begins after it");
            let over = pool.end_sweeps(240).await.unwrap();
            assert_eq!(
                (over.len(), over[0].phase, over[0].swept_until),
                (1, Phase::Finished, None)
            );
            assert!(!knows_password(&pool, id).await);
            assert_eq!(pool.end_sweeps(999).await.unwrap(), []);
            let refused = pool.happen(id, Event::Reopen, 250).await.unwrap_err();
            assert!(
                matches!(&refused, TransitionError::Invalid(invalid) if invalid.why == Why::Finished),
                "{refused}"
            );
            pool.close().await;
        });
    });
}

#[test]
fn a_cut_over_is_taken_back_and_a_refused_password_ends_a_sweep() {
    each_engine("reopened", |place| {
        let at = place.fresh();
        wait(async {
            let (pool, ids) = directory(&at, &["ann", "bob"], 10).await;
            for id in &ids {
                followed(&pool, *id).await;
                pool.happen(*id, Event::CutOver, 100).await.unwrap();
                pool.happen(*id, complete(100), 100).await.unwrap();
            }
            let back = pool.happen(ids[0], Event::Reopen, 150).await.unwrap();
            assert_eq!((back.phase, back.swept_until), (Phase::Following, None));
            let record = pool.migration(ids[0]).await.unwrap().unwrap();
            assert_eq!((record.due, record.migration), (150, back));
            assert!(knows_password(&pool, ids[0]).await);
            // A pass that was refused the login tries no more.
            let all = pool.lease_due("one", 160, 220, 9).await.unwrap();
            let swept = all
                .iter()
                .find(|leased| leased.lease.migration == ids[1])
                .unwrap();
            let refused = vec![Event::Held(Hold::CredentialRejected)];
            let back = hand_back(refused, 170, Some("refused"));
            let then = pool.hand_back(swept.lease, "one", back).await.unwrap();
            assert_eq!(
                (then.phase, then.swept_until, then.hold),
                (Phase::Finished, None, None)
            );
            assert!(!knows_password(&pool, ids[1]).await);
            pool.close().await;
        });
    });
}
