use std::time::Duration;

use expect_test::expect;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream, duplex};
use transhume_model::mail::{Uid, UidSet};

use super::*;
use crate::session::{BodyEvent, FetchBodies, FetchRows};

const SHORT: Timeouts = Timeouts {
    connect: Duration::from_secs(1),
    idle: Duration::from_millis(50),
};
const LONG: Timeouts = Timeouts {
    connect: Duration::from_secs(1),
    idle: Duration::from_secs(20),
};

/// A connection to a server that is a function of its end of the line.
async fn connect<S: Future<Output = ()> + Send + 'static>(
    timeouts: Timeouts,
    server: impl FnOnce(DuplexStream) -> S,
) -> Connection {
    let (near, mut far) = duplex(4096);
    far.write_all(b"* OK [CAPABILITY IMAP4rev1 LITERAL+] hello\r\n")
        .await
        .unwrap();
    tokio::spawn(server(far));
    Connection::over(near, timeouts).await.unwrap()
}

/// Reads until this many commands have come.
async fn hear(far: &mut DuplexStream, commands: usize) -> Vec<u8> {
    let mut heard = Vec::new();
    while heard.split(|byte| *byte == b'\n').count() <= commands {
        let mut piece = [0; 1000];
        let count = far.read(&mut piece).await.unwrap();
        assert!(count > 0);
        heard.extend_from_slice(&piece[..count]);
    }
    heard
}

fn all() -> UidSet {
    UidSet::range(Uid::FIRST, Uid::LAST)
}

/// The server writes far more than lies on the line before it reads on, and the client has far more to say
/// than lies on the line: whoever waits for the other to read first waits for ever.
#[tokio::test]
async fn both_sides_may_have_a_lot_to_say() {
    const COMMANDS: u32 = 3000;
    let mut connection = connect(LONG, |far| async move {
        let mut far = BufReader::new(far);
        for number in 1..=COMMANDS {
            far.read_line(&mut String::new()).await.unwrap();
            let answer = format!(
                "* 1 FETCH (UID {number} BODY[] {{5000}}\r\n{})\r\n",
                "x".repeat(5000)
            );
            far.write_all(answer.as_bytes()).await.unwrap();
        }
    })
    .await;
    let commands: Vec<CommandLine> = (0..COMMANDS).map(|_| FetchBodies::command(&all())).collect();
    for command in &commands {
        connection.enqueue(command);
    }
    connection.flush().await;
    assert_eq!(connection.in_flight(), commands.len());
    let (mut octets, mut texts) = (0, 0);
    while texts < COMMANDS {
        match FetchBodies::read(connection.next_event().await.unwrap()) {
            BodyEvent::Chunk(chunk) => octets += chunk.len(),
            BodyEvent::Complete { fetch, .. } => {
                texts += 1;
                assert_eq!(fetch.uid, Uid::new(texts));
            }
            _ => {}
        }
    }
    assert_eq!(octets, 15_000_000);
}

#[tokio::test]
async fn answers_are_told_apart_by_the_command_they_belong_to() {
    let mut connection = connect(LONG, |mut far| async move {
        let heard = hear(&mut far, 3).await;
        assert_eq!(heard.escape_ascii().to_string(), r#"A1 EXAMINE \"a\"\r\nA2 UID FETCH 1:4294967295 (UID FLAGS INTERNALDATE RFC822.SIZE)\r\nA3 EXAMINE \"b\"\r\n"#);
        far.write_all(b"* 1 EXISTS\r\nA1 OK\r\n* 1 FETCH (UID 1 RFC822.SIZE 2)\r\nA2 OK\r\nA3 NO gone\r\n").await.unwrap();
        far.read_to_end(&mut Vec::new()).await.unwrap();
    })
    .await;
    let examine = |name: &str| Examine::command(&WireName::encode(name));
    let commands = [examine("a"), FetchRows::command(&all()), examine("b")];
    let mut told = Vec::new();
    let replies = connection
        .pipeline(&commands, |index, event| told.push((index, event)))
        .await
        .unwrap();
    let told: Vec<String> = told
        .iter()
        .map(|(index, event)| match event {
            Event::Response(Response::Fetch(fetch)) => format!("{index} fetch {:?}", fetch.uid),
            event => format!("{index} {event:?}"),
        })
        .chain(
            replies
                .iter()
                .map(|reply| format!("{} {:?} {}", reply.tag, reply.status, reply.text)),
        )
        .collect();
    expect![[r#"
        [
            "0 Response(Exists(1))",
            "1 fetch Some(Uid(1))",
            "A1 Ok ",
            "A2 Ok ",
            "A3 No gone",
        ]
    "#]]
    .assert_debug_eq(&told);
}

/// Asks for texts from a server that says `answer` and closes, or goes silent; gives what came and the error.
async fn fetch(answer: &'static [u8], silent: bool) -> String {
    let timeouts = if silent { SHORT } else { LONG };
    let mut connection = connect(timeouts, move |mut far| async move {
        hear(&mut far, 1).await;
        far.write_all(answer).await.unwrap();
        if silent {
            far.read_to_end(&mut Vec::new()).await.unwrap();
        }
    })
    .await;
    connection.enqueue(&FetchBodies::command(&all()));
    let mut octets = 0;
    loop {
        match connection.next_event().await {
            Ok(Event::BodyChunk(chunk)) => octets += chunk.len(),
            Ok(_) => {}
            Err(error) => return format!("{octets} octets; {error}"),
        }
    }
}

#[tokio::test]
async fn however_it_ends_it_is_told() {
    let told = [
        fetch(b"* 1 FETCH (UID 1 BODY[] {10}\r\nabc", false).await,
        fetch(b"* 1 FETCH (UID 1 BODY[] {3}\r\nabc", false).await,
        fetch(
            b"* 1 FETCH (UID 1 BODY[] {3}\r\nabc)\r\n* BYE overloaded\r\n",
            false,
        )
        .await,
        fetch(b"", false).await,
        fetch(b"* 1 FETCH (UID 1 BODY[] {10}\r\nabc", true).await,
        fetch(b"* 1 EXISTS\r\n", true).await,
        fetch(b"A9 OK what?\r\n", true).await,
        fetch(b"* 1 FETCH (BODY[] {18446744073709551616}\r\n", true).await,
    ];
    expect![[r#"
        [
            "3 octets; the connection was lost while reading a message (3 of 10 octets had come)",
            "3 octets; the connection was lost while waiting for the reply to UID FETCH",
            "3 octets; the server ended the connection: overloaded",
            "0 octets; the connection was lost while waiting for the reply to UID FETCH",
            "3 octets; the server gave no answer in time while reading a message (3 of 10 octets had come)",
            "0 octets; the server gave no answer in time while waiting for the reply to UID FETCH",
            "0 octets; the server replies to a command that was not sent: \"A9\"",
            "0 octets; the server announces a literal of impossible length: \"* 1 FETCH (BODY[] {18446744073709551616} \"",
        ]
    "#]]
    .assert_debug_eq(&told);
}

#[tokio::test]
async fn logging_in_listing_and_parting() {
    let mut connection = connect(LONG, |mut far| async move {
        for answer in [
            "A1 OK in\r\n",
            "* CAPABILITY IMAP4rev1 X-AFTER\r\nA2 OK\r\n",
            "* LIST () \"/\" INBOX\r\nA3 OK\r\n",
            "A4 OK\r\n",
            "* STATUS INBOX (MESSAGES 1)\r\nA5 OK\r\n",
            "* 1 EXISTS\r\nA6 OK\r\n",
            "* BYE\r\nA7 OK\r\n",
        ] {
            if !answer.starts_with("A4") {
                assert!(far.read(&mut [0; 1000]).await.unwrap() > 0);
            }
            far.write_all(answer.as_bytes()).await.unwrap();
        }
    })
    .await;
    connection.login("bob", b"pw").await.unwrap();
    assert!(connection.is_logged_in() && connection.capabilities().has("X-AFTER"));
    let listing = connection.list().await.unwrap();
    assert_eq!(listing.mailboxes[0].checkpoint.unwrap().messages, 1);
    let examined = connection.examine(&listing.mailboxes[0].wire_name).await.unwrap();
    assert_eq!(examined.checkpoint.messages, 1);
    connection.logout().await;
}
