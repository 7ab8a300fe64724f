//! The delay proxy delays by what it is told, and nothing but that.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use transhume_testkit::{DelayProxy, Traffic};

const EACH_WAY: Duration = Duration::from_millis(30);
const ROUND_TRIP: Duration = Duration::from_millis(60);

/// A server that greets with one byte and sends back whatever comes.
fn echo() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                let mut back = stream.try_clone().unwrap();
                let _ = stream.write_all(b"!");
                let _ = std::io::copy(&mut stream, &mut back);
                let _ = back.shutdown(Shutdown::Write);
            });
        }
    });
    port
}

fn read(stream: &mut TcpStream, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    stream.read_exact(&mut bytes).unwrap();
    bytes
}

#[test]
fn connecting_and_each_answer_cost_their_round_trips() {
    let proxy = DelayProxy::start(echo(), EACH_WAY).unwrap();
    let start = Instant::now();
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port())).unwrap();
    assert_eq!(read(&mut stream, 1), b"!");
    assert!(
        start.elapsed() >= ROUND_TRIP * 2,
        "greeting after {:?}",
        start.elapsed()
    );
    for word in [b"a", b"b", b"c"] {
        let asked = Instant::now();
        stream.write_all(word).unwrap();
        assert_eq!(read(&mut stream, 1), word);
        assert!(
            asked.elapsed() >= ROUND_TRIP,
            "answer after {:?}",
            asked.elapsed()
        );
    }
    let before = proxy.traffic();
    assert_eq!(
        before,
        Traffic {
            connections: 1,
            sent: 3,
            received: 4,
            turns: 3,
        }
    );
    // The end takes its time as well, and what was sent before it arrives.
    let ended = Instant::now();
    stream.write_all(b"last").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"last");
    assert!(ended.elapsed() >= ROUND_TRIP, "end after {:?}", ended.elapsed());
    assert_eq!(proxy.traffic().since(&before).sent, 4);
}

#[test]
fn a_client_that_speaks_first_is_not_heard_before_it_would_be_connected() {
    let proxy = DelayProxy::start(echo(), EACH_WAY).unwrap();
    let start = Instant::now();
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port())).unwrap();
    stream.write_all(b"x").unwrap();
    assert_eq!(read(&mut stream, 2).len(), 2);
    assert!(start.elapsed() >= ROUND_TRIP * 2, "{:?}", start.elapsed());
}

#[test]
fn what_does_not_wait_is_not_delayed_twice() {
    let proxy = DelayProxy::start(echo(), EACH_WAY).unwrap();
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port())).unwrap();
    read(&mut stream, 1);
    let start = Instant::now();
    // A proxy that delayed them one after another would take six seconds.
    send_apart(&mut stream, &proxy, 200);
    assert_eq!(read(&mut stream, 200), [b'x'; 200]);
    assert!(start.elapsed() >= ROUND_TRIP);
    assert!(start.elapsed() < ROUND_TRIP * 50, "{:?}", start.elapsed());
}

/// Sends so many bytes, each as a chunk of its own.
fn send_apart(stream: &mut TcpStream, proxy: &DelayProxy, count: u64) {
    let before = proxy.traffic().sent;
    let deadline = Instant::now() + Duration::from_secs(30);
    for number in 1..=count {
        stream.write_all(b"x").unwrap();
        while proxy.traffic().sent < before + number {
            assert!(Instant::now() < deadline, "the proxy does not read");
            thread::yield_now();
        }
    }
}

/// A server that says nothing until it has heard as much as wanted.
fn taciturn(len: usize) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        read(&mut stream, len);
        stream.write_all(b"enough").unwrap();
    });
    port
}

#[test]
fn many_words_without_an_answer_are_one_turn() {
    let proxy = DelayProxy::start(taciturn(5), Duration::ZERO).unwrap();
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port())).unwrap();
    send_apart(&mut stream, &proxy, 5);
    assert_eq!(read(&mut stream, 6), b"enough");
    assert_eq!(proxy.traffic().turns, 1);
}

#[test]
fn large_amounts_pass_unchanged() {
    let proxy = DelayProxy::start(echo(), EACH_WAY).unwrap();
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port())).unwrap();
    let sent: Vec<u8> = (0..16_u32 << 20)
        .map(|at| u8::try_from(at * 7 % 251).unwrap())
        .collect();
    let (mut writer, to_send) = (stream.try_clone().unwrap(), sent.clone());
    let sender = thread::spawn(move || {
        writer.write_all(&to_send).unwrap();
        writer.shutdown(Shutdown::Write).unwrap();
    });
    let mut got = Vec::new();
    let mut reader = stream;
    reader.read_to_end(&mut got).unwrap();
    sender.join().unwrap();
    assert!(got[1..] == sent, "{} octets", got.len());
    assert_eq!(proxy.traffic().received, sent.len() as u64 + 1);
}
