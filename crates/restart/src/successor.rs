//! The data plane's half of the control channel.

use crate::Error;
use crate::channel::Channel;
use crate::event::Pace;
use crate::listener::OfferedListener;
use crate::message::{CHUNK, Down, Heartbeat, Hello, MAX_SNAPSHOT, Up};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// A data plane before its offer.
#[derive(Debug)]
pub struct Successor {
    channel: Channel,
}

impl Successor {
    /// Takes the control channel that the coordinator passed as stdin. Needs a tokio runtime.
    ///
    /// # Errors
    /// When stdin is no socket: the role is not meant to be started by hand.
    pub fn from_stdin() -> Result<Self, Error> {
        let stdin = std::io::stdin().as_fd().try_clone_to_owned()?;
        if rustix::net::sockopt::socket_type(&stdin).is_err() {
            return Err(Error::Protocol("stdin is not a control channel"));
        }
        Self::over(UnixStream::from(stdin))
    }

    /// Takes the control channel from wherever it came.
    ///
    /// # Errors
    /// When the socket cannot be made non-blocking or registered.
    pub fn over(stream: UnixStream) -> Result<Self, Error> {
        Ok(Self {
            channel: Channel::new(stream)?,
        })
    }

    /// Says Hello and waits for the offer.
    ///
    /// # Errors
    /// When the coordinator is gone or says something else.
    pub async fn hello(mut self, hello: Hello) -> Result<Offered, Error> {
        self.channel.send(&Up::Hello(hello), &[]).await?;
        let (message, mut descriptors) = self.channel.recv::<Down>().await?;
        let Down::Offer(offer) = message else {
            return Err(Error::Protocol("expected an offer"));
        };
        let lacking = Error::Protocol("the offer lacks descriptors");
        let Some(stderr) = descriptors.pop() else {
            return Err(lacking);
        };
        if descriptors.len() != offer.listeners.len() {
            return Err(lacking);
        }
        let snapshot = match offer.snapshot {
            Some(length) => Some(self.snapshot(length).await?),
            None => None,
        };
        let listeners = offer
            .listeners
            .into_iter()
            .zip(descriptors)
            .map(|(meta, descriptor)| OfferedListener::accept(meta, descriptor))
            .collect::<Result<_, _>>()?;
        Ok(Offered {
            generation: offer.generation,
            listeners,
            config: offer.config,
            snapshot,
            stderr,
            link: Link {
                channel: self.channel,
            },
        })
    }

    async fn snapshot(&mut self, length: u64) -> Result<Vec<u8>, Error> {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > MAX_SNAPSHOT {
            let limit = MAX_SNAPSHOT;
            return Err(Error::TooLong { length, limit });
        }
        let mut snapshot = Vec::new();
        while snapshot.len() < length {
            let (Down::Chunk(bytes), _) = self.channel.recv::<Down>().await? else {
                return Err(Error::Protocol("expected a part of the snapshot"));
            };
            snapshot.extend_from_slice(&bytes);
        }
        if snapshot.len() != length {
            return Err(Error::Protocol("the snapshot is longer than announced"));
        }
        Ok(snapshot)
    }
}

/// What a data plane starts from.
#[derive(Debug)]
pub struct Offered {
    /// Its number.
    pub generation: u64,
    /// The listeners; accept only after [`Order::Commit`].
    pub listeners: Vec<OfferedListener>,
    /// The configuration; opaque here.
    pub config: Vec<u8>,
    /// What the generation before knew; opaque here.
    pub snapshot: Option<Vec<u8>>,
    /// Where to write to when the coordinator, which reads this process's stderr, is gone.
    pub stderr: OwnedFd,
    /// The channel for the rest of its life.
    pub link: Link,
}

/// What the coordinator tells a data plane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Start to accept.
    Commit,
    /// Accept no more and end the sessions.
    Drain {
        /// How long that may take; none waits for the last client.
        timeout: Option<Duration>,
        /// When each session ends.
        pace: Pace,
    },
    /// End now.
    Shutdown,
    /// Hand out what the next generation should know, by [`Link::snapshot`].
    Snapshot,
    /// What holds from now on beside the configuration; the first one comes before
    /// [`Self::Commit`].
    Notice(Vec<u8>),
    /// The coordinator is gone; no further order will come.
    Lost,
}

/// The control channel of a data plane that has its offer.
#[derive(Debug)]
pub struct Link {
    channel: Channel,
}

impl Link {
    pub(crate) fn over(channel: Channel) -> Self {
        Self { channel }
    }

    /// Hands out a copy of what the next generation should know; more than [`MAX_SNAPSHOT`] bytes are
    /// as good as nothing.
    ///
    /// # Errors
    /// When the coordinator is gone.
    pub async fn snapshot(&self, snapshot: &[u8]) -> Result<(), Error> {
        let snapshot = Some(snapshot).filter(|snapshot| snapshot.len() <= MAX_SNAPSHOT);
        for chunk in snapshot.unwrap_or_default().chunks(CHUNK) {
            let (bytes, last) = (chunk.to_vec(), false);
            self.channel.send(&Up::Chunk { bytes, last }, &[]).await?;
        }
        let (bytes, last) = (Vec::new(), true);
        self.channel.send(&Up::Chunk { bytes, last }, &[]).await
    }

    /// Says Ready: the configuration is checked and everything is set up to accept.
    ///
    /// # Errors
    /// When the coordinator is gone.
    pub async fn ready(&self) -> Result<(), Error> {
        self.channel.send(&Up::Ready, &[]).await
    }

    /// Says that this generation will not become ready, and why.
    ///
    /// # Errors
    /// When the coordinator is gone.
    pub async fn failed(&self, reason: String) -> Result<(), Error> {
        self.channel.send(&Up::Failed { reason }, &[]).await
    }

    /// Sends a sign of life.
    ///
    /// # Errors
    /// When the coordinator is gone.
    pub async fn heartbeat(&self, heartbeat: Heartbeat) -> Result<(), Error> {
        self.channel.send(&Up::Heartbeat(heartbeat), &[]).await
    }

    /// Says that the last session has ended.
    ///
    /// # Errors
    /// When the coordinator is gone.
    pub async fn drained(&self) -> Result<(), Error> {
        self.channel.send(&Up::Drained, &[]).await
    }

    /// Waits for the next order. Cancel-safe. A broken channel is a lost coordinator.
    pub async fn order(&mut self) -> Order {
        match self.channel.recv::<Down>().await {
            Ok((Down::Commit, _)) => Order::Commit,
            Ok((Down::Drain { deadline_ms, pace }, _)) => Order::Drain {
                timeout: deadline_ms.map(Duration::from_millis),
                pace,
            },
            Ok((Down::Shutdown, _)) => Order::Shutdown,
            Ok((Down::Snapshot, _)) => Order::Snapshot,
            Ok((Down::Notice(notice), _)) => Order::Notice(notice),
            Ok((Down::Offer(_) | Down::Chunk(_), _)) => {
                tracing::error!("a second offer on the control channel");
                Order::Lost
            }
            Err(error) => {
                if !matches!(error, Error::Closed) {
                    tracing::error!(%error, "the control channel broke");
                }
                Order::Lost
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listener::{ListenerSpec, Listeners};
    use crate::message::Offer;

    fn pair() -> (Channel, Successor) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        (
            Channel::new(ours).unwrap(),
            Successor::over(theirs).unwrap(),
        )
    }

    fn hello() -> Hello {
        Hello {
            version: "0.1.0".to_owned(),
            pid: 1,
            record_formats: vec![1],
        }
    }

    fn offer(listeners: &Listeners) -> Down {
        Down::Offer(Offer {
            generation: 7,
            listeners: listeners.metas(),
            config: b"configuration".to_vec(),
            snapshot: Some(8),
        })
    }

    fn listeners() -> Listeners {
        let spec = |name: &str| ListenerSpec {
            name: name.to_owned(),
            addr: "127.0.0.1:0".parse().unwrap(),
            backlog: 16,
        };
        Listeners::open(&[spec("one"), spec("two")]).unwrap()
    }

    #[tokio::test]
    async fn the_handshake_hands_everything_over_in_order() {
        let (mut coordinator, successor) = pair();
        let listeners = listeners();
        let down = offer(&listeners);
        let mut descriptors = listeners.descriptors();
        let stderr = std::io::stderr();
        descriptors.push(stderr.as_fd());
        coordinator.send(&down, &descriptors).await.unwrap();
        for part in [b"snap", b"shot"] {
            let chunk = Down::Chunk(part.to_vec());
            coordinator.send(&chunk, &[]).await.unwrap();
        }
        let mut offered = successor.hello(hello()).await.unwrap();
        let (said, _) = coordinator.recv::<Up>().await.unwrap();
        assert_eq!(said, Up::Hello(hello()));
        assert_eq!(offered.generation, 7);
        assert_eq!(offered.config, b"configuration");
        assert_eq!(offered.snapshot.as_deref(), Some(&b"snapshot"[..]));
        for (offered, name) in offered.listeners.iter().zip(["one", "two"]) {
            assert_eq!(offered.name, name);
            assert_eq!(listeners.addr(name), Some(offered.addr));
        }
        offered.link.ready().await.unwrap();
        let (said, _) = coordinator.recv::<Up>().await.unwrap();
        assert_eq!(said, Up::Ready);
        coordinator.send(&Down::Commit, &[]).await.unwrap();
        assert_eq!(offered.link.order().await, Order::Commit);
        drop(coordinator);
        assert_eq!(offered.link.order().await, Order::Lost);
        assert!(offered.link.drained().await.is_err());
    }

    #[tokio::test]
    async fn anything_but_a_complete_offer_is_refused() {
        let (coordinator, successor) = pair();
        coordinator.send(&Down::Commit, &[]).await.unwrap();
        assert!(matches!(
            successor.hello(hello()).await,
            Err(Error::Protocol(_))
        ));

        let (coordinator, successor) = pair();
        let listeners = listeners();
        let descriptors = listeners.descriptors();
        let one = descriptors.get(..1).unwrap();
        coordinator.send(&offer(&listeners), one).await.unwrap();
        assert!(matches!(
            successor.hello(hello()).await,
            Err(Error::Protocol(_))
        ));

        let (coordinator, successor) = pair();
        drop(coordinator);
        assert!(successor.hello(hello()).await.is_err());
    }
}
