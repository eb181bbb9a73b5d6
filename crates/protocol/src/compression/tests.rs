//! What is packed comes out again, at any split and after any move; what lies is refused.

use super::*;
use miniz_oxide::deflate::compress_to_vec_zlib;
use proptest::collection::vec;
use proptest::prelude::*;

/// Everything that `content` becomes on the wire.
fn packed(content: &[u8]) -> BytesMut {
    let mut sender = Compression::default();
    let mut rest = content;
    while !rest.is_empty() {
        let count = sender.pack(rest);
        rest = &rest[count..];
    }
    sender.ready
}

/// Unpacks what arrives in pieces of `piece` bytes, moving the state between any two of them.
fn unpacked(wire: &[u8], piece: usize, limit: usize) -> Result<BytesMut, ProtocolError> {
    let mut receiver = Compression::default();
    let mut out = BytesMut::new();
    for piece in wire.chunks(piece) {
        receiver.arrived().extend_from_slice(piece);
        loop {
            let before = out.len();
            let count = receiver.unpack(&mut out, limit)?;
            assert_eq!(count, out.len() - before);
            assert!(count < limit + WINDOW, "{count} bytes at once");
            if count == 0 {
                break;
            }
        }
        let written = serde_json::to_vec(&receiver).unwrap();
        let read: Compression = serde_json::from_slice(&written).unwrap();
        assert_eq!(read, receiver);
        receiver = read;
    }
    assert!(!receiver.has_unread(), "something is left");
    Ok(out)
}

fn frame(content: &[u8], unpacked: usize) -> BytesMut {
    let mut sender = Compression::default();
    sender.put_header(content.len(), unpacked);
    sender.ready.put_slice(content);
    sender.ready
}

/// Compressible text of this length.
fn text(length: usize) -> Vec<u8> {
    let words =
        (0_u32..).flat_map(|number| format!("row {number} of {}; ", number % 7).into_bytes());
    words.take(length).collect()
}

/// The packets of these payloads.
fn packets(payloads: &[Vec<u8>]) -> BytesMut {
    let mut out = BytesMut::new();
    for payload in payloads {
        crate::put_packet(&mut out, 1, payload);
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn what_is_packed_comes_out_again_at_any_split(
        noise in vec(any::<u8>(), 0..300),
        length in 0..2_000_usize,
        piece in 1..700_usize,
        limit in 1..5_000_usize,
        given in 1..900_usize,
    ) {
        let content = packets(&[noise.clone(), text(length), Vec::new(), noise]);
        let mut sender = Compression::default();
        for mut part in content.chunks(given) {
            while !part.is_empty() {
                let count = sender.pack(part);
                prop_assert!(count > 0);
                part = &part[count..];
            }
        }
        prop_assert_eq!(sender.unsent(), sender.ready.len(), "nothing is held behind the last packet");
        prop_assert_eq!(&unpacked(&sender.ready, piece, limit).unwrap(), &content);
    }

    #[test]
    fn any_bytes_are_unpacked_or_refused(wire in vec(any::<u8>(), 0..2_000), piece in 1..300_usize) {
        let mut receiver = Compression::default();
        let mut out = BytesMut::new();
        for piece in wire.chunks(piece) {
            receiver.arrived().extend_from_slice(piece);
            if receiver.unpack(&mut out, 1_000).is_err() {
                break;
            }
        }
    }
}

#[test]
fn packets_are_packed_together_and_large_ones_pass_as_they_are() {
    let small: Vec<_> = (0..1_000).map(text).collect();
    let content = packets(&small);
    let wire = packed(&content);
    assert!(
        wire.len() < content.len() / 2,
        "{} of {}",
        wire.len(),
        content.len()
    );
    assert_eq!(unpacked(&wire, 100_000, FRAME_MAX).unwrap(), content);
    for length in [FRAME_MAX - 5, FRAME_MAX - 4, FRAME_MAX - 3, 3 * FRAME_MAX] {
        let content = packets(&[text(length), text(10)]);
        let wire = packed(&content);
        let is_packed = length + 4 <= FRAME_MAX;
        assert_eq!(
            wire.len() < length / 2,
            is_packed,
            "{} of {length}",
            wire.len()
        );
        assert_eq!(unpacked(&wire, 100_000, FRAME_MAX).unwrap(), content);
    }
}

#[test]
fn a_packet_of_more_than_a_frame_takes_little_memory_on_its_way() {
    let content = packets(&[text((1 << 24) + 100)]);
    let (mut sender, mut receiver) = (Compression::default(), Compression::default());
    let mut out = BytesMut::new();
    for mut part in content.chunks(100_000) {
        while !part.is_empty() {
            let count = sender.pack(part);
            part = &part[count..];
            assert!(sender.ready.len() <= FRAME_MAX + 2 * HEADER_LEN);
            receiver.arrived().extend_from_slice(&sender.ready.split());
            while receiver.unpack(&mut out, FRAME_MAX).unwrap() > 0 {}
        }
    }
    assert!(out == content);
}

#[test]
fn a_frame_of_the_largest_size_is_unpacked_little_by_little() {
    const MOST: usize = (1 << 24) - 1;
    let zeros = vec![0; MOST];
    let wire = frame(&compress_to_vec_zlib(&zeros, 9), MOST);
    assert!(wire.len() < 20_000, "{} bytes", wire.len());
    let mut receiver = Compression::new(wire);
    let (mut out, mut all) = (BytesMut::new(), 0);
    while receiver.unpack(&mut out, FRAME_MAX).unwrap() > 0 {
        assert!(out.len() < FRAME_MAX + WINDOW);
        all += out.len();
        out.clear();
    }
    assert_eq!(all, MOST);
    assert!(!receiver.has_unread());
}

#[test]
fn the_answer_counts_on_from_the_request() {
    let mut server = Compression::default();
    server.put(b"0");
    let mut wire = server.ready.split();
    wire[3] = 255;
    let mut receiver = Compression::new(wire);
    assert_eq!(receiver.unpack(&mut BytesMut::new(), 10), Ok(1));
    receiver.pack(b"\x01\0\0\x01a");
    receiver.pack(b"\x01\0\0\x02b");
    assert_eq!((receiver.ready[3], receiver.ready[15]), (0, 1));
}

#[test]
fn frames_that_lie_are_refused() {
    let content = text(1_000);
    let deflated = compress_to_vec_zlib(&content, 6);
    let mut damaged = deflated.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 0x55;
    let mut wrong_sum = deflated.clone();
    *wrong_sum.last_mut().unwrap() ^= 1;
    let cases: [(&str, BytesMut); 8] = [
        ("empty", frame(b"", 0)),
        ("empty but long", frame(b"", 5)),
        ("longer than it says", frame(&deflated, 999)),
        ("shorter than it says", frame(&deflated, 1_001)),
        ("cut", frame(&deflated[..deflated.len() - 5], 1_000)),
        (
            "followed by something",
            frame(&[&deflated[..], b"x"].concat(), 1_000),
        ),
        ("damaged", frame(&damaged, 1_000)),
        ("of a wrong sum", frame(&wrong_sum, 1_000)),
    ];
    for (what, wire) in cases {
        for piece in [1, 7, wire.len()] {
            let mut receiver = Compression::default();
            let mut out = BytesMut::new();
            let refused = wire.chunks(piece).any(|piece| {
                receiver.arrived().extend_from_slice(piece);
                // Twice, since the first may stop at the limit.
                (0..2).any(|_| receiver.unpack(&mut out, 10_000).is_err())
            });
            assert!(refused, "a frame {what} was taken in pieces of {piece}");
        }
    }
}
