//! Clients that say what the server says.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};
use transhume_testkit::Smtp;
use transhume_testkit::encode::base64;

use crate::place::Place;

fn connect(port: u16) -> BufReader<TcpStream> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(40))).unwrap();
    BufReader::new(stream)
}

fn line(reader: &mut BufReader<TcpStream>) -> String {
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    line
}

/// IMAP (RFC 9051).
pub(crate) struct Imap(BufReader<TcpStream>);

impl Imap {
    pub(crate) fn connect(port: u16) -> Self {
        let mut reader = connect(port);
        line(&mut reader);
        Self(reader)
    }

    /// Logs in; the reply without its tag.
    pub(crate) fn login(&mut self, user: &str, password: &str) -> String {
        let response = base64(format!("\0{user}\0{password}").as_bytes());
        let said = self.command(&format!("AUTHENTICATE PLAIN {response}"));
        said.lines()
            .last()
            .unwrap_or_default()
            .trim_start_matches("a ")
            .to_owned()
    }

    /// All that comes for a command.
    pub(crate) fn command(&mut self, command: &str) -> String {
        self.0
            .get_mut()
            .write_all(format!("a {command}\r\n").as_bytes())
            .unwrap();
        let mut all = String::new();
        loop {
            let line = line(&mut self.0);
            all.push_str(&line);
            if line.is_empty() || line.starts_with("a ") {
                return all;
            }
        }
    }
}

/// POP3 (RFC 1939), for commands whose answer is one line.
pub(crate) struct Pop3(BufReader<TcpStream>);

impl Pop3 {
    pub(crate) fn connect(port: u16) -> Self {
        let mut reader = connect(port);
        line(&mut reader);
        Self(reader)
    }

    pub(crate) fn login(&mut self, user: &str, password: &str) -> String {
        let response = base64(format!("\0{user}\0{password}").as_bytes());
        self.command(&format!("AUTH PLAIN {response}"))
    }

    pub(crate) fn command(&mut self, command: &str) -> String {
        self.0
            .get_mut()
            .write_all(format!("{command}\r\n").as_bytes())
            .unwrap();
        line(&mut self.0)
    }
}

/// What Postfix says to a login.
pub(crate) fn smtp_login(place: &Place, user: &str, password: &str) -> String {
    Smtp::connect(place.postfix.smtp_port())
        .unwrap()
        .login(user, password)
        .unwrap()
}

/// What the service says to a web mail.
pub(crate) fn http_login(place: &Place, user: &str, password: &str) -> (u16, Value) {
    let question = json!({"name": user, "password": password, "ip": "192.0.2.7"}).to_string();
    let mut reader = connect(place.service_port());
    let head = format!(
        "POST /hooks/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        question.len()
    );
    reader.get_mut().write_all((head + &question).as_bytes()).unwrap();
    let mut answer = String::new();
    reader.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}
