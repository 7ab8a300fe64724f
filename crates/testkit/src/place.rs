//! Where one server lives: a directory of its own, and ports of the loopback that nobody else has.

use std::array;
use std::io::{self, BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;

use crate::error::TestkitError;

/// A directory other users can enter. Sockets lie in it, and their paths are limited to 107 bytes.
pub(crate) fn private_dir() -> Result<TempDir, TestkitError> {
    let usual = std::env::temp_dir();
    let base = if usual.as_os_str().len() > 50 {
        PathBuf::from("/tmp")
    } else {
        usual
    };
    let temp = tempfile::Builder::new()
        .prefix("tk")
        .tempdir_in(&base)
        .map_err(TestkitError::io(format!("a directory in {}", base.display())))?;
    Ok(temp)
}

/// Ports that are free at this moment.
pub(crate) fn free_ports<const COUNT: usize>() -> Result<[u16; COUNT], TestkitError> {
    let listen = || {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        Ok((listener.local_addr()?.port(), listener))
    };
    // All are held until all are known, else the same one might come twice.
    let held: Vec<_> = (0..COUNT)
        .map(|_| listen())
        .collect::<io::Result<_>>()
        .map_err(TestkitError::io("looking for a free port"))?;
    Ok(array::from_fn(|at| held[at].0))
}

/// Whether a server greets on this port with these words.
pub(crate) fn answers(port: u16, greeting: &[u8]) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_secs(1)) else {
        return false;
    };
    if greeting.is_empty() {
        return true;
    }
    if stream.set_read_timeout(Some(Duration::from_secs(5))).is_err() {
        return false;
    }
    // The whole line: closing with something unread would be a reset, which the server logs.
    let mut line = Vec::new();
    BufReader::new(stream).read_until(b'\n', &mut line).is_ok() && line.starts_with(greeting)
}
