use flate2::read::{DeflateDecoder, DeflateEncoder};
use proptest::prelude::*;
use std::io::Read as _;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use super::*;

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    DeflateEncoder::new(bytes, Level::default())
        .read_to_end(&mut out)
        .unwrap();
    out
}

/// What comes out at the near end when the server's stream is `stream`, of which `ahead` octets were read ahead, through
/// a line that holds `line` octets, in reads of `size`.
fn read(stream: &[u8], ahead: usize, line: usize, size: usize) -> io::Result<Vec<u8>> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let (near, mut far) = duplex(line);
        let (come, rest) = stream.split_at(ahead.min(stream.len()));
        let rest = rest.to_vec();
        let writer = tokio::spawn(async move {
            // The reader may have given up.
            let _ = far.write_all(&rest).await;
        });
        let mut near = Deflated::new(Box::new(near), Bytes::copy_from_slice(come));
        let mut out = Vec::new();
        let mut piece = vec![0; size];
        loop {
            let count = near.read(&mut piece).await?;
            if count == 0 {
                writer.await.unwrap();
                return Ok(out);
            }
            out.extend_from_slice(&piece[..count]);
        }
    })
}

#[test]
fn what_is_no_deflate_is_an_error_and_what_is_cut_is_an_end() {
    let text = b"* OK hello\r\n".repeat(1000);
    let stream = deflated(&text);
    assert_eq!(read(&stream, 0, 64, 7).unwrap(), text);
    let cut = read(&stream[..stream.len() - 5], 3, 64, 1000).unwrap();
    assert!(text.starts_with(&cut));
    assert!(read(b"* OK this was never compressed\r\n", 0, 64, 7).is_err());
    assert_eq!(read(b"", 0, 1, 1).unwrap(), b"");
}

/// A server can make a gigabyte of a megabyte: it is read as it is asked for.
#[test]
fn however_much_comes_of_little_no_more_is_made_than_asked_for() {
    let stream = deflated(&vec![0; 50_000_000]);
    assert!(stream.len() < 100_000);
    let mut near = Deflated::new(Box::new(tokio::io::empty()), stream.into());
    let mut piece = [1; 10];
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let count = runtime.block_on(near.read(&mut piece)).unwrap();
    assert_eq!(piece[..count], [0; 10]);
    assert!(near.inflate.total_out() <= 10);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn however_it_is_cut_it_comes_out_as_it_went_in(
        pieces in proptest::collection::vec((proptest::collection::vec(any::<u8>(), 0..600), 1usize..40), 0..5),
        line in prop_oneof![1usize..10, 10usize..3000],
        ahead in 0usize..400,
        size in 1usize..5000,
    ) {
        let bytes: Vec<u8> = pieces.iter().flat_map(|(piece, times)| piece.repeat(*times)).collect();
        prop_assert_eq!(read(&deflated(&bytes), ahead, line, size).unwrap(), bytes);
    }

    /// After each flush the other side can make out everything, and an independent reader agrees.
    #[test]
    fn what_is_flushed_can_be_read(
        pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..9000), 1..5),
        line in prop_oneof![1usize..10, 10usize..3000],
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (near, mut far) = duplex(line);
            let all = pieces.concat();
            let reader = tokio::spawn(async move {
                let mut stream = Vec::new();
                far.read_to_end(&mut stream).await.unwrap();
                stream
            });
            let mut near = Deflated::new(Box::new(near), Bytes::new());
            for piece in &pieces {
                near.write_all(piece).await.unwrap();
                near.flush().await.unwrap();
                // Nothing was written since: there is nothing to flush.
                let so_far = near.deflate.total_out();
                near.flush().await.unwrap();
                assert_eq!(near.deflate.total_out(), so_far);
            }
            drop(near);
            let stream = reader.await.unwrap();
            let mut came = vec![0; all.len()];
            DeflateDecoder::new(&stream[..]).read_exact(&mut came).unwrap();
            assert!(came == all);
        });
    }
}
