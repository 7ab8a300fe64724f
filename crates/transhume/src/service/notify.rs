//! Telling systemd how far the service is (`sd_notify(3)`): a datagram to the socket that `NOTIFY_SOCKET` names.

use std::ffi::OsStr;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// The variable that names the socket.
const SOCKET: &str = "NOTIFY_SOCKET";

/// How far the service is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It serves.
    Ready,
    /// It was asked to end, and finishes what is under way.
    Stopping,
}

impl State {
    fn message(self) -> &'static str {
        match self {
            Self::Ready => "READY=1",
            Self::Stopping => "STOPPING=1",
        }
    }
}

/// Tells whoever started the service, if that is systemd. What cannot be told changes nothing: systemd has its own limits of time.
pub(crate) fn tell(state: State) {
    if let Some(socket) = std::env::var_os(SOCKET) {
        let _ = send(&socket, state);
    }
}

fn send(socket: &OsStr, state: State) -> std::io::Result<()> {
    // A name that begins with @ is no file's (unix(7), “abstract”).
    let address = match socket.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(socket)?,
    };
    UnixDatagram::unbound()?.send_to_addr(state.message().as_bytes(), &address)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_arrives_at_a_socket_with_a_file_and_at_one_without() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let abstract_name = format!("transhume-test-{}", std::process::id());
        let with_file = UnixDatagram::bind(&path).unwrap();
        let without = SocketAddr::from_abstract_name(&abstract_name).unwrap();
        let without = UnixDatagram::bind_addr(&without).unwrap();
        for (name, socket) in [
            (path.into_os_string(), with_file),
            (format!("@{abstract_name}").into(), without),
        ] {
            for (state, expected) in [(State::Ready, "READY=1"), (State::Stopping, "STOPPING=1")] {
                send(&name, state).unwrap();
                let mut received = [0; 20];
                let length = socket.recv(&mut received).unwrap();
                assert_eq!(&received[..length], expected.as_bytes());
            }
        }
        assert!(send(OsStr::new("/no/such/socket"), State::Ready).is_err());
    }
}
