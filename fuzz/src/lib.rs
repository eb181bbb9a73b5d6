//! Fuzz targets over everything that reads bytes from outside.
//!
//! Each function here takes any bytes and panics when a promise is broken. `targets/` hands them to
//! libFuzzer (`cargo +nightly fuzz run TARGET` from the root); the test below runs the committed
//! corpus, so that an ordinary `cargo test` holds every case that once was found.

#![expect(
    clippy::missing_panics_doc,
    reason = "a panic is what a fuzz target reports"
)]

use bytes::{Bytes, BytesMut};
use odp_cluster::{LoginName, Separators};
use odp_protocol::{
    CapabilityFlags, ChangeUser, Column, Command, CommandKind, Compression, ErrPacket,
    ExecuteRequest, Framing, Greeting, HandshakeResponse, InfileTracker, OkFormat, OkPacket,
    PacketTracker, PrepareOk, ResponseTracker, SessionChange, Step, TextRow, execute_types,
};
use odp_restart::{Adopted, Hello, Order, Successor};
use odp_sql::{Charset, outline};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use std::fs::File;
use std::io::{IoSlice, Write as _};
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::net::{UnixListener, UnixStream};

/// An outline can be taken of any text and its lazy parts end.
pub fn sql_outline(data: &[u8]) {
    for charset in [Charset::Utf8, Charset::Gbk] {
        let outline = outline(data, charset);
        assert!(outline.first_length() <= data.len());
        assert!(outline.filter().count() <= data.len());
        assert!(outline.rows().map(Iterator::count).count() <= data.len());
    }
}

/// A user name parses or is refused; its parts come out of it.
pub fn login_name(data: &[u8]) {
    let name = String::from_utf8_lossy(data);
    if let Ok(login) = LoginName::parse(&name, &Separators::default()) {
        assert!(name.contains(login.user.as_str()));
    }
}

/// A login packet that parses is written so that it reads the same.
pub fn handshake_response(data: &[u8]) {
    let Ok(login) = HandshakeResponse::parse(data) else {
        return;
    };
    let mut written = BytesMut::new();
    login.put(&mut written);
    let again = HandshakeResponse::parse(&written).expect("what was written can be read");
    let mut twice = BytesMut::new();
    again.put(&mut twice);
    assert_eq!(written, twice);
}

/// A greeting that parses is written so that it reads the same.
pub fn greeting(data: &[u8]) {
    let Ok(greeting) = Greeting::parse(data) else {
        return;
    };
    let mut written = BytesMut::new();
    greeting.put(&mut written);
    assert_eq!(Greeting::parse(&written), Ok(greeting));
}

/// A command parses or is refused; an EXECUTE reads the same once its types are put in.
pub fn command(data: &[u8]) {
    let Some((&parameters, packet)) = data.split_first() else {
        return;
    };
    let Ok(Command::Execute(statement)) = Command::parse(packet) else {
        return;
    };
    let parameters = u16::from(parameters);
    let Ok(request) = ExecuteRequest::parse(packet, parameters) else {
        return;
    };
    assert_eq!(request.statement, statement);
    let types: Vec<_> = request.types().into_iter().flatten().collect();
    // Values that do not fit their types are refused, which is all that is asked here.
    request.each_parameter(&types, |_| false, drop).ok();
    let bound = execute_types(&Bytes::copy_from_slice(packet), parameters, &types);
    let bound = bound.expect("a packet that could be read can be completed");
    assert!(ExecuteRequest::parse(&bound, parameters).is_ok() || types.is_empty());
}

/// Session changes that parse are written so that they read the same, user variables last.
pub fn session_changes(data: &[u8]) {
    let mut changes = Vec::new();
    if SessionChange::parse_all(data, |change| changes.push(change)).is_err() {
        return;
    }
    let is_user = |change: &SessionChange<'_>| matches!(change, SessionChange::User { .. });
    changes.sort_by_key(is_user);
    let mut written = BytesMut::new();
    SessionChange::put_for_proxy(&changes, &mut written);
    let mut count = 0;
    SessionChange::parse_all(&written, |_| count += 1).expect("what was written can be read");
    assert_eq!(count, changes.len());
}

/// An OK packet that parses is written so that it reads the same, in both forms.
pub fn ok_packet(data: &[u8]) {
    for format in [OkFormat::Plain, OkFormat::Tracked] {
        let Ok(ok) = OkPacket::parse(data, format) else {
            continue;
        };
        let mut written = BytesMut::new();
        ok.put(&mut written, format);
        let again = OkPacket::parse(&written, format).expect("what was written can be read");
        assert_eq!(
            (ok.affected_rows, ok.info),
            (again.affected_rows, again.info)
        );
        assert_eq!(ok.changes, again.changes);
    }
}

/// The end of a response is the same whether the bytes come at once or one by one.
pub fn response_tracker(data: &[u8]) {
    let [command, flags, response @ ..] = data else {
        return;
    };
    let tracker = ResponseTracker::new(
        CommandKind::from_byte(*command),
        Framing {
            extra_ok: flags & 1 != 0,
            extra_ok_for_statistics: flags & 2 != 0,
            deprecate_eof: flags & 4 != 0,
        },
    );
    let at_once = follow(tracker.clone(), response, response.len());
    assert_eq!(at_once, follow(tracker, response, 1));
}

/// Whole compressed frames become the same stream whether they come at once or byte by byte; and no more of
/// any is unpacked at once than was asked for. In the middle of one, inflate may be a few bytes ahead.
pub fn compression(data: &[u8]) {
    let unpack = |piece: usize| {
        let mut receiver = Compression::default();
        let mut out = BytesMut::new();
        for piece in data.chunks(piece.max(1)) {
            receiver.arrived().extend_from_slice(piece);
            loop {
                match receiver.unpack(&mut out, 1_000) {
                    Ok(0) => break,
                    Ok(count) => assert!(count < 1_000 + (32 << 10), "{count} bytes at once"),
                    Err(_) => return None,
                }
            }
        }
        Some((!receiver.has_unread(), out))
    };
    let (at_once, bytewise) = (unpack(data.len()), unpack(1));
    if let Some((true, _)) = &at_once {
        assert_eq!(at_once, bytewise);
    }
}

/// A change of user that parses is written so that it reads the same.
pub fn change_user(data: &[u8]) {
    let capabilities = CapabilityFlags::CLIENT_PROTOCOL_41
        | CapabilityFlags::CLIENT_SECURE_CONNECTION
        | CapabilityFlags::CLIENT_PLUGIN_AUTH
        | CapabilityFlags::CLIENT_CONNECT_ATTRS;
    for capabilities in [CapabilityFlags::CLIENT_PROTOCOL_41, capabilities] {
        if let Ok(change) = ChangeUser::parse(data, capabilities) {
            assert!(change.user.len() + change.database.len() <= data.len());
        }
    }
}

/// An ERR packet that parses is written so that it reads the same.
pub fn err_packet(data: &[u8]) {
    if let Ok(error) = ErrPacket::parse(data) {
        let mut written = BytesMut::new();
        error.put(&mut written);
        assert_eq!(ErrPacket::parse(&written), Ok(error));
    }
}

/// An answer to PREPARE that parses is written so that it reads the same.
pub fn prepare_ok(data: &[u8]) {
    if let Ok(answer) = PrepareOk::parse(data) {
        let mut written = BytesMut::new();
        answer.put(&mut written);
        assert_eq!(PrepareOk::parse(&written), Ok(answer));
    }
}

/// A column and a row of a server's metadata can be read to their ends.
pub fn metadata_row(data: &[u8]) {
    if let Ok(column) = Column::parse(data) {
        assert!(column.name.len() <= data.len());
    }
    assert!(TextRow::new(data).take_while(Result::is_ok).count() <= data.len());
}

/// A request and a local file end in the same place whether their bytes come at once or one by one.
pub fn packet_tracker(data: &[u8]) {
    let (mut whole, mut piecewise) = (PacketTracker::default(), PacketTracker::default());
    let end = whole.advance(data);
    assert!(end <= data.len());
    let mut taken = 0;
    for read in 0..=end {
        taken += piecewise.advance(data.get(taken..read).unwrap_or_default());
    }
    assert_eq!((taken, piecewise), (end, whole));
    let (mut whole, mut piecewise) = (InfileTracker::default(), InfileTracker::default());
    let end = whole.advance(data);
    assert!(end <= data.len());
    let mut taken = 0;
    for read in 0..=end {
        taken += piecewise.advance(data.get(taken..read).unwrap_or_default());
    }
    assert_eq!((taken, piecewise), (end, whole));
}

/// Where a response ends (`None` for one that breaks the protocol) when bytes come in such pieces.
fn follow(mut tracker: ResponseTracker, response: &[u8], piece: usize) -> Option<(usize, bool)> {
    let (mut taken, mut read) = (0, piece.min(response.len()));
    loop {
        assert!(
            taken <= read,
            "the tracker passed bytes that were not there"
        );
        match tracker.next(response.get(taken..read)?).ok()? {
            Step::Forward(count) | Step::Packet(_, count) => taken += count,
            Step::More(_) if read == response.len() => return Some((taken, false)),
            Step::More(_) => read = (read + piece).min(response.len()),
            Step::Done => return Some((taken, tracker.is_done())),
        }
    }
}

/// Whatever a coordinator sends: a data plane takes the offer or refuses it, and its orders come to an
/// end with the channel.
pub fn offer(data: &[u8]) {
    let (ours, theirs) = UnixStream::pair().expect("a pair of sockets");
    let data = data.to_vec();
    let say = std::thread::spawn(move || {
        let stderr = File::open("/dev/null").expect("it is always there");
        say(ours, &data, &[stderr.as_fd()])
    });
    block_on(async {
        let successor = Successor::over(theirs).expect("a socket");
        let hello = Hello {
            version: "0.1.0".to_owned(),
            pid: 1,
            record_formats: vec![1],
        };
        if let Ok(mut offered) = successor.hello(hello).await {
            assert!(offered.listeners.is_empty(), "no listener was sent");
            while offered.link.order().await != Order::Lost {}
        }
    });
    // One that had hung up with the hello unread would have cut its own words short.
    drop(say.join().expect("it only writes"));
}

/// Whatever waits in the state folder: it is a data plane to take over, or it is refused.
pub fn estate(data: &[u8]) {
    let thread = std::thread::current().id();
    let name = format!("odp-fuzz-{}-{thread:?}", std::process::id());
    let path = std::env::temp_dir().join(name);
    let listener = UnixListener::bind(&path).expect("a name of its own");
    let data = data.to_vec();
    let say = std::thread::spawn(move || {
        let (stream, _) = listener.accept().expect("somebody connects");
        say(stream, &data, &[])
    });
    block_on(async {
        if let Ok(adopted) = Adopted::find(&path).await {
            let adopted = adopted.expect("somebody waits there");
            assert_eq!(adopted.listeners().addr("mysql"), None, "none was sent");
        }
    });
    drop(say.join().expect("it only writes"));
    std::fs::remove_file(&path).expect("it was made above");
}

/// Says everything, the descriptors with the first byte; the other side may hang up before.
fn say(mut stream: UnixStream, data: &[u8], descriptors: &[BorrowedFd<'_>]) -> UnixStream {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() {
        assert!(control.push(SendAncillaryMessage::ScmRights(descriptors)));
    }
    if let Some((first, rest)) = data.split_at_checked(1) {
        let first = [IoSlice::new(first)];
        if sendmsg(&stream, &first, &mut control, SendFlags::NOSIGNAL).is_ok() {
            stream.write_all(rest).ok();
        }
    }
    // It may have happened already.
    stream.shutdown(Shutdown::Write).ok();
    stream
}

fn block_on(future: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(future);
}

#[cfg(test)]
mod tests {
    use super::*;

    type Target = (&'static str, fn(&[u8]));

    const TARGETS: [Target; 16] = [
        ("sql_outline", sql_outline),
        ("login_name", login_name),
        ("handshake_response", handshake_response),
        ("greeting", greeting),
        ("command", command),
        ("session_changes", session_changes),
        ("ok_packet", ok_packet),
        ("response_tracker", response_tracker),
        ("change_user", change_user),
        ("err_packet", err_packet),
        ("prepare_ok", prepare_ok),
        ("metadata_row", metadata_row),
        ("packet_tracker", packet_tracker),
        ("offer", offer),
        ("estate", estate),
        ("compression", compression),
    ];

    #[test]
    fn the_committed_corpus_breaks_no_promise() {
        for (name, target) in TARGETS {
            let folder = format!("{}/corpus/{name}", env!("CARGO_MANIFEST_DIR"));
            let files: Vec<_> = std::fs::read_dir(&folder).expect(&folder).collect();
            assert!(!files.is_empty(), "{folder} is empty");
            for file in files {
                target(&std::fs::read(file.unwrap().path()).unwrap());
            }
        }
    }

    #[test]
    fn a_cut_in_any_place_of_the_corpus_breaks_no_promise() {
        for (name, target) in TARGETS {
            let folder = format!("{}/corpus/{name}", env!("CARGO_MANIFEST_DIR"));
            for file in std::fs::read_dir(&folder).expect(&folder) {
                let data = std::fs::read(file.unwrap().path()).unwrap();
                for end in 0..data.len().min(1_000) {
                    target(&data[..end]);
                }
            }
        }
    }
}
