//! Framed messages and descriptors over a Unix stream socket.
//!
//! A frame is `length u32 | version u16 | descriptors u16` in little endian, then `length` bytes of
//! postcard. Descriptors travel with the header, so that a read which never asks for more than the
//! frame it is in can never attribute them to the wrong frame.

use crate::Error;
use crate::message::PROTOCOL_VERSION;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use tokio::io::Interest;
use tokio::net::UnixStream;

/// The longest frame body in bytes; an offer with a snapshot of a large cluster is far below it.
pub(crate) const MAX_BODY: usize = 64 << 20;
/// The kernel takes 253 descriptors in one message (`SCM_MAX_FD`).
pub(crate) const MAX_DESCRIPTORS: usize = 200;
const HEADER: usize = 8;
/// How much one read may ask for, so that a lying header does not allocate ahead of its bytes.
const CHUNK: usize = 64 << 10;

/// One end of the control channel.
#[derive(Debug)]
pub(crate) struct Channel {
    stream: UnixStream,
    inbox: Vec<u8>,
    descriptors: VecDeque<OwnedFd>,
}

impl Channel {
    /// Wraps a connected, non-blocking stream. Needs a tokio runtime.
    pub(crate) fn new(stream: std::os::unix::net::UnixStream) -> Result<Self, Error> {
        stream.set_nonblocking(true)?;
        Ok(Self {
            stream: UnixStream::from_std(stream)?,
            inbox: Vec::new(),
            descriptors: VecDeque::new(),
        })
    }

    /// Takes the channel apart, for another process image: the stream and what was read of the next
    /// message. None when descriptors of that message have arrived already.
    pub(crate) fn into_parts(self) -> Option<(OwnedFd, Vec<u8>)> {
        let stream = self.stream.into_std().ok()?;
        self.descriptors
            .is_empty()
            .then_some((stream.into(), self.inbox))
    }

    /// Puts a channel together again.
    pub(crate) fn from_parts(stream: OwnedFd, inbox: Vec<u8>) -> Result<Self, Error> {
        let mut channel = Self::new(stream.into())?;
        channel.inbox = inbox;
        Ok(channel)
    }

    /// Sends one message with its descriptors. Not cancel-safe: a cancelled send breaks the channel.
    pub(crate) async fn send<T: Serialize + Sync>(
        &self,
        message: &T,
        descriptors: &[BorrowedFd<'_>],
    ) -> Result<(), Error> {
        let frame = encode(message, descriptors.len())?;
        let mut sent = self.send_some(&frame, descriptors).await?;
        while let Some(rest) = frame.get(sent..).filter(|rest| !rest.is_empty()) {
            sent += self.send_some(rest, &[]).await?;
        }
        Ok(())
    }

    async fn send_some(
        &self,
        bytes: &[u8],
        descriptors: &[BorrowedFd<'_>],
    ) -> Result<usize, Error> {
        let attempt = || {
            let mut space =
                [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
            let mut control = SendAncillaryBuffer::new(&mut space);
            if !descriptors.is_empty()
                && !control.push(SendAncillaryMessage::ScmRights(descriptors))
            {
                return Err(io::Error::other("no room for the descriptors"));
            }
            let io = [IoSlice::new(bytes)];
            Ok(sendmsg(
                &self.stream,
                &io,
                &mut control,
                SendFlags::NOSIGNAL | SendFlags::DONTWAIT,
            )?)
        };
        Ok(self.stream.async_io(Interest::WRITABLE, attempt).await?)
    }

    /// Receives the next message and its descriptors. Cancel-safe: what was read stays in the channel.
    ///
    /// # Errors
    /// [`Error::Closed`] when the other side has ended, also in the middle of a frame.
    pub(crate) async fn recv<T: DeserializeOwned>(&mut self) -> Result<(T, Vec<OwnedFd>), Error> {
        loop {
            let header = Header::read(&self.inbox)?;
            let total = header.map_or(HEADER, |header| HEADER + header.length);
            if let Some(header) = header.filter(|_| self.inbox.len() >= total) {
                return self.take(header);
            }
            let missing = total.saturating_sub(self.inbox.len());
            self.fill(missing.min(CHUNK)).await?;
        }
    }

    fn take<T: DeserializeOwned>(&mut self, header: Header) -> Result<(T, Vec<OwnedFd>), Error> {
        if self.descriptors.len() != header.descriptors {
            return Err(Error::Protocol(
                "the descriptors do not match the announced ones",
            ));
        }
        let body = self.inbox.get(HEADER..).unwrap_or_default();
        let message = postcard::from_bytes(body)?;
        self.inbox.clear();
        Ok((message, self.descriptors.drain(..).collect()))
    }

    async fn fill(&mut self, limit: usize) -> Result<(), Error> {
        let stream = &self.stream;
        let received = stream
            .async_io(Interest::READABLE, || receive(stream, limit))
            .await;
        let (bytes, descriptors) = match received {
            Ok((bytes, _)) if bytes.is_empty() => return Err(Error::Closed),
            // It ended with messages unread.
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return Err(Error::Closed),
            received => received?,
        };
        self.inbox.extend_from_slice(&bytes);
        self.descriptors.extend(descriptors);
        if self.descriptors.len() > MAX_DESCRIPTORS {
            return Err(Error::TooManyDescriptors {
                count: self.descriptors.len(),
                limit: MAX_DESCRIPTORS,
            });
        }
        Ok(())
    }
}

fn receive(stream: &UnixStream, limit: usize) -> io::Result<(Vec<u8>, Vec<OwnedFd>)> {
    let mut bytes = vec![0; limit];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(253))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = recvmsg(
        stream,
        &mut [IoSliceMut::new(&mut bytes)],
        &mut control,
        RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT,
    )?;
    bytes.truncate(received.bytes);
    let descriptors = control
        .drain()
        .filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
            _ => None,
        })
        .flatten()
        .collect();
    Ok((bytes, descriptors))
}

fn encode<T: Serialize>(message: &T, descriptors: usize) -> Result<Vec<u8>, Error> {
    if descriptors > MAX_DESCRIPTORS {
        return Err(Error::TooManyDescriptors {
            count: descriptors,
            limit: MAX_DESCRIPTORS,
        });
    }
    let body = postcard::to_stdvec(message)?;
    let too_long = || Error::TooLong {
        length: body.len(),
        limit: MAX_BODY,
    };
    if body.len() > MAX_BODY {
        return Err(too_long());
    }
    let length = u32::try_from(body.len()).map_err(|_| too_long())?;
    let count = u16::try_from(descriptors).map_err(|_| too_long())?;
    let mut frame = Vec::with_capacity(HEADER + body.len());
    frame.extend_from_slice(&length.to_le_bytes());
    frame.extend_from_slice(&PROTOCOL_VERSION.to_le_bytes());
    frame.extend_from_slice(&count.to_le_bytes());
    frame.extend_from_slice(&body);
    Ok(frame)
}

#[derive(Debug, Clone, Copy)]
struct Header {
    length: usize,
    descriptors: usize,
}

impl Header {
    /// Reads the header at the start of `bytes`; none while it is incomplete.
    fn read(bytes: &[u8]) -> Result<Option<Self>, Error> {
        let Some(header) = bytes.first_chunk::<HEADER>() else {
            return Ok(None);
        };
        let [
            length @ ..,
            version_low,
            version_high,
            count_low,
            count_high,
        ] = *header;
        let theirs = u16::from_le_bytes([version_low, version_high]);
        if theirs != PROTOCOL_VERSION {
            return Err(Error::Version {
                theirs,
                ours: PROTOCOL_VERSION,
            });
        }
        let length = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
        if length > MAX_BODY {
            return Err(Error::TooLong {
                length,
                limit: MAX_BODY,
            });
        }
        Ok(Some(Self {
            length,
            descriptors: usize::from(u16::from_le_bytes([count_low, count_high])),
        }))
    }
}

#[cfg(test)]
mod tests;
