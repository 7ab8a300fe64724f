//! Compression with a real Dovecot, which offers it when its plugin is loaded.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use transhume_imap::session::{BodyEvent, FetchBodies};
use transhume_imap::wire::{Response, WireName};
use transhume_imap::{CertificateRule, Compression, Connection, Endpoint, Security, Timeouts};
use transhume_model::mail::{Uid, UidSet};
use transhume_testkit::{Body, Dovecot, MailboxSpec, MessageSpec, write_account};

/// All texts of INBOX.
async fn texts(server: &Dovecot, compression: Compression) -> Vec<(Option<Uid>, Vec<u8>)> {
    let endpoint = Endpoint {
        host: "127.0.0.1".to_owned(),
        port: server.imap_port(),
        security: Security::Insecure,
        certificate: CertificateRule::Public,
        timeouts: Timeouts {
            connect: Duration::from_secs(10),
            idle: Duration::from_secs(10),
        },
        compression,
    };
    let mut connection = Connection::open(&endpoint).await.unwrap();
    connection.login("zoe", b"secret").await.unwrap();
    assert!(connection.capabilities().has("COMPRESS=DEFLATE"));
    assert_eq!(connection.is_compressed(), compression == Compression::Always);
    connection.examine(&WireName::encode("INBOX")).await.unwrap();
    connection.enqueue(&FetchBodies::command(&UidSet::range(Uid::FIRST, Uid::LAST)));
    let (mut texts, mut text) = (Vec::new(), Vec::new());
    loop {
        match FetchBodies::read(connection.next_event().await.unwrap()) {
            BodyEvent::Chunk(chunk) => text.extend_from_slice(&chunk),
            BodyEvent::Complete { fetch, .. } => texts.push((fetch.uid, std::mem::take(&mut text))),
            BodyEvent::Response(Response::Tagged(_)) => break,
            _ => {}
        }
    }
    connection.logout().await;
    texts
}

// I2: what comes through compression is what is there.
#[tokio::test]
async fn compressed_or_not_the_texts_are_the_same() {
    let server = Dovecot::builder()
        .user("zoe", "secret")
        .extra_config("protocol imap {\n  mail_plugins = imap_zlib\n}")
        .start()
        .unwrap();
    let mut inbox = MailboxSpec::new(&["INBOX"], 7)
        .message(
            1_600_000_000,
            "Subject: the same over and over\n\n".repeat(5000).as_bytes(),
        )
        .message(1_600_000_001, b"")
        .message(1_600_000_002, &(0..=255).collect::<Vec<u8>>().repeat(40));
    for (uid, size) in [(4, 400), (5, 3_000_000), (6, 70_000)] {
        inbox.messages.push(MessageSpec {
            uid,
            body: Body::Generated {
                seed: u64::from(uid),
                size,
            },
            flags: Vec::new(),
            internal_date: 1_600_000_003,
        });
    }
    write_account(&server.maildir("zoe"), server.chown_to(), &[inbox]).unwrap();
    let plain = texts(&server, Compression::Never).await;
    assert_eq!(plain.len(), 6);
    assert!(plain.iter().map(|(_, text)| text.len()).sum::<usize>() > 3_000_000);
    assert!(texts(&server, Compression::Always).await == plain);
    // It is on the loopback: nothing is to be saved.
    assert!(texts(&server, Compression::Auto).await == plain);
    assert_eq!(server.log_problems(), Vec::<String>::new());
}
