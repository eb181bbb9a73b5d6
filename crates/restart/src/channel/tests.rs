//! Frames and descriptors over a real socketpair.

use super::*;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream as StdUnixStream;

fn pair() -> (Channel, Channel) {
    let (left, right) = StdUnixStream::pair().unwrap();
    (Channel::new(left).unwrap(), Channel::new(right).unwrap())
}

#[tokio::test]
async fn a_passed_listener_accepts_on_the_other_side() {
    let (left, mut right) = pair();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    left.send(&"listener", &[listener.as_fd()]).await.unwrap();
    drop(listener);
    let (name, mut descriptors) = right.recv::<String>().await.unwrap();
    assert_eq!(name, "listener");
    let listener = TcpListener::from(descriptors.pop().unwrap());
    let mut client = TcpStream::connect(addr).unwrap();
    client.write_all(b"x").unwrap();
    let (mut accepted, _) = listener.accept().unwrap();
    let mut byte = [0];
    accepted.read_exact(&mut byte).unwrap();
    assert_eq!(&byte, b"x");
}

#[tokio::test]
async fn received_descriptors_are_closed_on_exec() {
    let (left, mut right) = pair();
    let file = TcpListener::bind("127.0.0.1:0").unwrap();
    left.send(&(), &[file.as_fd()]).await.unwrap();
    let ((), descriptors) = right.recv().await.unwrap();
    let flags = rustix::io::fcntl_getfd(&descriptors[0]).unwrap();
    assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
}

#[tokio::test]
async fn messages_keep_their_own_descriptors_when_they_arrive_together() {
    let (left, mut right) = pair();
    let first = TcpListener::bind("127.0.0.1:0").unwrap();
    let second = TcpListener::bind("127.0.0.1:0").unwrap();
    left.send(&1_u8, &[first.as_fd()]).await.unwrap();
    left.send(&2_u8, &[]).await.unwrap();
    left.send(&3_u8, &[second.as_fd(), first.as_fd()])
        .await
        .unwrap();
    for (number, count) in [(1_u8, 1), (2, 0), (3, 2)] {
        let (message, descriptors) = right.recv::<u8>().await.unwrap();
        assert_eq!((message, descriptors.len()), (number, count));
    }
}

#[tokio::test]
async fn a_large_message_arrives_whole_while_the_reader_is_cancelled_again_and_again() {
    let (left, mut right) = pair();
    let body = vec![7_u8; 3 << 20];
    let sent = body.clone();
    let sender = tokio::spawn(async move { left.send(&sent, &[]).await });
    let received = loop {
        tokio::select! {
            biased;
            message = right.recv::<Vec<u8>>() => break message.unwrap().0,
            () = tokio::task::yield_now() => {}
        }
    };
    assert_eq!(received, body);
    sender.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_frame_over_the_limit_or_of_another_version_is_refused_by_its_header() {
    for (header, expected) in [
        (
            [0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0],
            "longer than the limit",
        ),
        ([1, 0, 0, 0, 9, 0, 0, 0], "protocol version 9"),
    ] {
        let (mut raw, right) = StdUnixStream::pair().unwrap();
        let mut right = Channel::new(right).unwrap();
        raw.write_all(&header).unwrap();
        let error = right.recv::<u8>().await.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[tokio::test]
async fn the_end_of_the_stream_is_told_apart_from_an_error() {
    let (left, mut right) = pair();
    drop(left);
    assert!(matches!(right.recv::<u8>().await, Err(Error::Closed)));
}

#[tokio::test]
async fn announced_descriptors_that_do_not_come_are_an_error() {
    let (mut raw, right) = StdUnixStream::pair().unwrap();
    let mut right = Channel::new(right).unwrap();
    raw.write_all(&[1, 0, 0, 0, 1, 0, 3, 0, 5]).unwrap();
    assert!(matches!(right.recv::<u8>().await, Err(Error::Protocol(_))));
}
