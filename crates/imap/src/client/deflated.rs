//! A transport on which everything is compressed (RFC 4978): raw deflate (RFC 1951), one stream in each direction.
//!
//! Nothing here grows with what is sent or received: what comes is inflated straight into the reader's buffer.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use flate2::{Compress, Compression as Level, Decompress, FlushCompress, FlushDecompress, Status};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::connect::Transport;

/// Octets that are read at a time, compressed.
const READ_SIZE: usize = 32 * 1024;
/// Octets that are inflated at a time.
const INFLATED_SIZE: usize = 64 * 1024;
/// Octets that are deflated at a time.
const WRITE_SIZE: usize = 8 * 1024;
/// Compressed octets that may wait for the transport before more are made.
const WAITING: usize = 32 * 1024;
/// Room for the end of a block.
const FLUSH_SIZE: usize = 1024;

/// A compressed transport over another.
pub(super) struct Deflated {
    inner: Box<dyn Transport>,
    inflate: Decompress,
    /// What has come and is not inflated yet.
    come: Bytes,
    buffer: BytesMut,
    deflate: Compress,
    /// What is deflated and has not left yet.
    leaving: Vec<u8>,
    left: usize,
    /// Whether something was taken that the other side could not make out yet.
    unflushed: bool,
}

impl Deflated {
    /// Begins both streams. `come` are octets of the server's stream that were read ahead.
    pub(super) fn new(inner: Box<dyn Transport>, come: Bytes) -> Self {
        Self {
            inner,
            inflate: Decompress::new(false),
            come,
            buffer: BytesMut::new(),
            // Commands are short, and most of them alike: more work would save nothing.
            deflate: Compress::new(Level::fast(), false),
            leaving: Vec::new(),
            left: 0,
            unflushed: false,
        }
    }

    /// Inflates into `out`; gives how many octets came of it.
    fn inflate(&mut self, out: &mut [u8]) -> io::Result<Inflated> {
        let (taken, made) = (self.inflate.total_in(), self.inflate.total_out());
        let status = self.inflate.decompress(&self.come, out, FlushDecompress::None)?;
        let taken = difference(self.inflate.total_in(), taken)?;
        let made = difference(self.inflate.total_out(), made)?;
        self.come.advance(taken);
        match (made, status) {
            (1.., _) => Ok(Inflated::Octets(made)),
            (0, Status::StreamEnd) => Ok(Inflated::End),
            (0, _) if self.come.is_empty() => Ok(Inflated::Nothing),
            // There is room and there are octets, and still nothing comes of them.
            (0, _) if taken == 0 => Err(io::ErrorKind::InvalidData.into()),
            (0, _) => Ok(Inflated::Again),
        }
    }

    /// Hands over what is deflated.
    fn poll_leave(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.left < self.leaving.len() {
            let sent = ready!(Pin::new(&mut self.inner).poll_write(cx, &self.leaving[self.left..]))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.left += sent;
        }
        self.leaving.clear();
        self.left = 0;
        Poll::Ready(Ok(()))
    }

    /// Ends the block, so that the other side can make out all that was written.
    fn end_block(&mut self) -> io::Result<()> {
        loop {
            self.leaving.reserve(FLUSH_SIZE);
            self.deflate
                .compress_vec(&[], &mut self.leaving, FlushCompress::Sync)?;
            // Room was left: there is no more to come.
            if self.leaving.len() < self.leaving.capacity() {
                self.unflushed = false;
                return Ok(());
            }
        }
    }
}

enum Inflated {
    Octets(usize),
    /// All that has come is used up.
    Nothing,
    /// More may come of what is there.
    Again,
    /// The server has ended its stream.
    End,
}

fn difference(after: u64, before: u64) -> io::Result<usize> {
    usize::try_from(after - before).map_err(|_| io::ErrorKind::InvalidData.into())
}

impl AsyncRead for Deflated {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        loop {
            let room = buf.remaining().min(INFLATED_SIZE);
            match this.inflate(buf.initialize_unfilled_to(room))? {
                Inflated::Octets(made) => {
                    buf.advance(made);
                    return Poll::Ready(Ok(()));
                }
                Inflated::End => return Poll::Ready(Ok(())),
                Inflated::Again => {}
                Inflated::Nothing => {
                    this.buffer.resize(READ_SIZE, 0);
                    let mut read = ReadBuf::new(&mut this.buffer);
                    ready!(Pin::new(&mut this.inner).poll_read(cx, &mut read))?;
                    let come = read.filled().len();
                    if come == 0 {
                        return Poll::Ready(Ok(()));
                    }
                    this.come = this.buffer.split_to(come).freeze();
                }
            }
        }
    }
}

impl AsyncWrite for Deflated {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.leaving.len() - this.left > WAITING {
            ready!(this.poll_leave(cx))?;
        }
        let piece = &bytes[..bytes.len().min(WRITE_SIZE)];
        this.leaving.reserve(2 * WRITE_SIZE);
        let before = this.deflate.total_in();
        this.deflate
            .compress_vec(piece, &mut this.leaving, FlushCompress::None)?;
        this.unflushed = true;
        Poll::Ready(difference(this.deflate.total_in(), before))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.unflushed {
            this.end_block()?;
        }
        ready!(this.poll_leave(cx))?;
        Pin::new(&mut this.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_flush(cx))?;
        Pin::new(&mut self.get_mut().inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
