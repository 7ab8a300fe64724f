//! Small files that programs can really open.

use std::fmt::Write as _;

/// A PDF of one page with one line of ASCII text.
pub(super) fn pdf(text: &str) -> Vec<u8> {
    let text = text.replace('\\', "\\\\").replace('(', "\\(").replace(')', "\\)");
    let stream = format!("BT /F1 18 Tf 72 760 Td ({text}) Tj ET");
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R \
         /Resources << /Font << /F1 5 0 R >> >> >>"
            .to_owned(),
        format!("<< /Length {} >>\nstream\n{stream}\nendstream", stream.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_owned(),
    ];
    let mut out = String::from("%PDF-1.4\n");
    let mut places = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        places.push(out.len());
        writeln!(out, "{} 0 obj\n{object}\nendobj", index + 1).unwrap();
    }
    let table = out.len();
    writeln!(out, "xref\n0 {}\n0000000000 65535 f ", objects.len() + 1).unwrap();
    for place in places {
        writeln!(out, "{place:010} 00000 n ").unwrap();
    }
    writeln!(
        out,
        "trailer\n<< /Size {} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF",
        objects.len() + 1
    )
    .unwrap();
    out.into_bytes()
}

/// A PNG of 16 by 16 pixels in two shades that depend on `seed`.
pub(super) fn png(seed: u64) -> Vec<u8> {
    const SIDE: u8 = 16;
    let shade = u8::try_from(seed % 200).unwrap();
    // Each row: filter type 0, then one grey byte per pixel.
    let mut rows = Vec::new();
    for y in 0..SIDE {
        rows.push(0);
        rows.extend((0..SIDE).map(|x| {
            if (x / 4 + y / 4) % 2 == 0 {
                shade
            } else {
                255 - shade
            }
        }));
    }
    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    chunk(&mut out, *b"IHDR", &[0, 0, 0, SIDE, 0, 0, 0, SIDE, 8, 0, 0, 0, 0]);
    // One stored (uncompressed) deflate block.
    let len = u16::try_from(rows.len()).unwrap();
    let mut data = vec![0x78, 0x01, 0x01];
    data.extend(len.to_le_bytes());
    data.extend((!len).to_le_bytes());
    data.extend(&rows);
    data.extend(adler32(&rows).to_be_bytes());
    chunk(&mut out, *b"IDAT", &data);
    chunk(&mut out, *b"IEND", b"");
    out
}

fn chunk(out: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
    out.extend(u32::try_from(data.len()).unwrap().to_be_bytes());
    let start = out.len();
    out.extend(kind);
    out.extend(data);
    let sum = crc32(&out[start..]);
    out.extend(sum.to_be_bytes());
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            if sum & 1 == 1 {
                (sum >> 1) ^ 0xedb8_8320
            } else {
                sum >> 1
            }
        })
    })
}

fn adler32(bytes: &[u8]) -> u32 {
    let (a, b) = bytes.iter().fold((1u32, 0u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    (b << 16) | a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(adler32(b"Wikipedia"), 0x11e6_0398);
    }
}
