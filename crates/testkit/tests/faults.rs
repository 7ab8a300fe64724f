//! The fault proxy cuts where it is told to, to the byte.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use transhume_testkit::{Dovecot, Fault, FaultProxy, Oracle};

const TOTAL: usize = 300_000;

fn pattern() -> Vec<u8> {
    (0..TOTAL).map(|at| u8::try_from(at * 7 % 251).unwrap()).collect()
}

/// A server that sends the pattern to everybody after one byte of request, then says what it got.
fn upstream() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                let mut byte = [0];
                if stream.read_exact(&mut byte).is_ok() {
                    let _ = stream.write_all(&pattern());
                }
            });
        }
    });
    port
}

/// Connects, asks, and reads to the end.
fn download(port: u16) -> (Vec<u8>, Option<ErrorKind>) {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    stream.write_all(b"?").unwrap();
    let mut got = Vec::new();
    let end = stream.read_to_end(&mut got).err().map(|error| error.kind());
    (got, end)
}

#[test]
fn cuts_at_exactly_n_bytes() {
    let upstream = upstream();
    for limit in [0usize, 1, 1000, 65_536, 65_537, 299_999] {
        let proxy = FaultProxy::start(upstream, Fault::CutAfter(limit as u64)).unwrap();
        for _ in 0..2 {
            let (got, _) = download(proxy.port());
            assert!(got == pattern()[..limit], "{limit}: {}", got.len());
        }
        assert_eq!(proxy.connections(), 2);
        assert_eq!(proxy.received(), 2 * limit as u64);
    }
}

#[test]
fn passes_everything_otherwise() {
    let upstream = upstream();
    for fault in [
        Fault::None,
        Fault::CutAfter(TOTAL as u64 + 1),
        Fault::DelayEachWay(Duration::from_millis(20)),
    ] {
        let proxy = FaultProxy::start(upstream, fault).unwrap();
        let start = Instant::now();
        assert!(download(proxy.port()).0 == pattern(), "{fault:?}");
        if fault == Fault::DelayEachWay(Duration::from_millis(20)) {
            assert!(start.elapsed() >= Duration::from_millis(40));
        }
        assert_eq!(proxy.received(), TOTAL as u64);
    }
}

#[test]
fn cuts_once() {
    let proxy = FaultProxy::start(upstream(), Fault::CutOnceAfter(70_000)).unwrap();
    assert_eq!(download(proxy.port()).0.len(), 70_000);
    assert!(download(proxy.port()).0 == pattern());
    assert_eq!(proxy.received(), 70_000 + TOTAL as u64);
    proxy.set_fault(Fault::CutOnceAfter(5));
    assert_eq!(download(proxy.port()).0.len(), 5);
    assert!(download(proxy.port()).0 == pattern());
}

#[test]
fn of_many_at_once_one_is_cut() {
    let proxy = FaultProxy::start(upstream(), Fault::CutOnceAfter(50_000)).unwrap();
    let port = proxy.port();
    let threads: Vec<_> = (0..6).map(|_| thread::spawn(move || download(port).0)).collect();
    let got: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert_eq!(got.iter().filter(|bytes| bytes.len() == 50_000).count(), 1);
    assert_eq!(got.iter().filter(|bytes| **bytes == pattern()).count(), 5);
}

#[test]
fn stalls_without_closing() {
    let proxy = FaultProxy::start(upstream(), Fault::StallAfter(100)).unwrap();
    let (got, end) = download(proxy.port());
    assert_eq!(got.len(), 100);
    assert_eq!(end, Some(ErrorKind::WouldBlock));
}

#[test]
fn resets() {
    let proxy = FaultProxy::start(upstream(), Fault::ResetAfter(100)).unwrap();
    let (_, end) = download(proxy.port());
    assert_eq!(end, Some(ErrorKind::ConnectionReset));
}

#[test]
fn a_real_session_passes_and_can_be_cut() {
    let server = Dovecot::builder().user("alice", "x").start().unwrap();
    let proxy = FaultProxy::start(server.imap_port(), Fault::None).unwrap();
    let mut oracle = Oracle::connect(proxy.port(), "alice", b"x").unwrap();
    oracle.select(&["INBOX"]).unwrap();
    let before = proxy.received();
    oracle.ok("NOOP").unwrap();
    assert!(proxy.received() > before);
    proxy.cut_now();
    assert!(oracle.ok("NOOP").is_err());
    drop(proxy);
    assert!(Oracle::connect(server.imap_port(), "alice", b"x").is_ok());
}
