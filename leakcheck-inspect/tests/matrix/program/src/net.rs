//! Sockets.

use std::os::unix::net::UnixStream as StdUnixStream;
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream};

use crate::harness::{Park, ways};

fn tcp_listener() -> TcpListener {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("possible");
    TcpListener::from_std(listener).expect("a runtime")
}

/// Both ends of a connection: the first for the task, the other to be kept.
fn tcp_pair() -> (TcpStream, std::net::TcpStream) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let ours = std::net::TcpStream::connect(listener.local_addr().expect("bound")).expect("open");
    let (theirs, _) = listener.accept().expect("connected");
    ours.set_nonblocking(true).expect("possible");
    (TcpStream::from_std(ours).expect("a runtime"), theirs)
}

fn unix_pair() -> (UnixStream, StdUnixStream) {
    let (ours, theirs) = StdUnixStream::pair().expect("sockets");
    ours.set_nonblocking(true).expect("possible");
    (UnixStream::from_std(ours).expect("a runtime"), theirs)
}

//= program::net::tcp_accept::{async block} at ~tcp_accept
//=   tokio::net::TcpListener::accept [a connection]
fn tcp_accept(park: &mut Park) {
    let listener = tcp_listener();
    park.spawn(async move {
        listener.accept().await.is_ok() //~ tcp_accept
    });
}

//= program::net::tcp_accept_loop::{async block} at ~tcp_accept_loop
//=   tokio::net::TcpListener::accept [a connection]
fn tcp_accept_loop(park: &mut Park) {
    let listener = tcp_listener();
    park.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            //~^ tcp_accept_loop
            tokio::spawn(async move {
                stream.readable().await.expect("open");
            });
        }
    });
}

//= program::net::unix_accept::{async block} at ~unix_accept
//=   tokio::net::UnixListener::accept [a connection]
fn unix_accept(park: &mut Park) {
    let name = format!("leakcheck-matrix-{}-{}", std::process::id(), park.way);
    let path = std::env::temp_dir().join(name);
    let _stale = std::fs::remove_file(&path);
    let listener = UnixListener::bind(&path).expect("a socket");
    std::fs::remove_file(&path).expect("just made");
    park.spawn(async move {
        listener.accept().await.is_ok() //~ unix_accept
    });
}

//= program::net::udp_recv::{async block} at ~udp_recv
//=   tokio::net::UdpSocket::recv [data]
fn udp_recv(park: &mut Park) {
    let socket = udp_socket();
    park.spawn(async move {
        let mut bytes = [0; 16];
        socket.recv(&mut bytes).await.is_ok() //~ udp_recv
    });
}

//= program::net::udp_recv_from::{async block} at ~udp_recv_from
//=   tokio::net::UdpSocket::recv_from [data]
fn udp_recv_from(park: &mut Park) {
    let socket = udp_socket();
    park.spawn(async move {
        let mut bytes = [0; 16];
        socket.recv_from(&mut bytes).await.is_ok() //~ udp_recv_from
    });
}

fn udp_socket() -> UdpSocket {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
    socket.set_nonblocking(true).expect("possible");
    UdpSocket::from_std(socket).expect("a runtime")
}

//= program::net::unix_datagram_recv::{async block} at ~unix_datagram_recv
//=   tokio::net::UnixDatagram::recv [data]
fn unix_datagram_recv(park: &mut Park) {
    let (ours, theirs) = UnixDatagram::pair().expect("sockets");
    park.keep(theirs);
    park.spawn(async move {
        let mut bytes = [0; 16];
        ours.recv(&mut bytes).await.is_ok() //~ unix_datagram_recv
    });
}

//= program::net::tcp_readable::{async block} at ~tcp_readable
//=   tokio::net::TcpStream::readable [readiness]
fn tcp_readable(park: &mut Park) {
    let (stream, peer) = tcp_pair();
    park.keep(peer);
    park.spawn(async move {
        stream.readable().await.is_ok() //~ tcp_readable
    });
}

//= program::net::tcp_peek::{async block} at ~tcp_peek
//=   tokio::net::TcpStream::peek [data]
fn tcp_peek(park: &mut Park) {
    let (stream, peer) = tcp_pair();
    park.keep(peer);
    park.spawn(async move {
        let mut bytes = [0; 16];
        stream.peek(&mut bytes).await.is_ok() //~ tcp_peek
    });
}

//= program::net::tcp_read::{async block} at ~tcp_read
//=   tokio::io::util::read::Read<TcpStream> [data]
fn tcp_read(park: &mut Park) {
    let (mut stream, peer) = tcp_pair();
    park.keep(peer);
    park.spawn(async move {
        let mut bytes = [0; 16];
        stream.read(&mut bytes).await.is_ok() //~ tcp_read
    });
}

//= program::net::tcp_read_exact::{async block} at ~tcp_read_exact
//=   tokio::io::util::read_exact::ReadExact<TcpStream> [data]
fn tcp_read_exact(park: &mut Park) {
    let (mut stream, mut peer) = tcp_pair();
    std::io::Write::write_all(&mut peer, b"half").expect("room");
    park.keep(peer);
    park.spawn(async move {
        let mut bytes = [0; 8];
        stream.read_exact(&mut bytes).await.is_ok() //~ tcp_read_exact
    });
}

//= program::net::tcp_read_half::{async block} at ~tcp_read_half
//=   tokio::io::util::read_to_end::ReadToEnd<OwnedReadHalf> [data]
fn tcp_read_half(park: &mut Park) {
    let (stream, peer) = tcp_pair();
    park.keep(peer);
    park.spawn(async move {
        let (mut reader, _writer) = stream.into_split();
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).await.is_ok() //~ tcp_read_half
    });
}

//= program::net::tcp_write_all::{async block} at ~tcp_write_all
//=   tokio::io::util::write_all::WriteAll<TcpStream> [room to write]
fn tcp_write_all(park: &mut Park) {
    let (mut stream, peer) = tcp_pair();
    park.keep(peer);
    park.spawn(async move {
        let bytes = vec![0; 64 << 20];
        stream.write_all(&bytes).await.is_ok() //~ tcp_write_all
    });
}

//= program::net::tcp_lines::{async block} at ~tcp_lines
//=   tokio::io::Lines<BufReader<TcpStream>>::next_line [data]
fn tcp_lines(park: &mut Park) {
    let (stream, peer) = tcp_pair();
    park.keep(peer);
    park.spawn(async move {
        let mut lines = BufReader::new(stream).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            //~^ tcp_lines
            drop(line);
        }
    });
}

//= program::net::tcp_read_line::{async block} at ~tcp_read_line
//=   tokio::io::util::read_line::ReadLine<BufReader<TcpStream>> [data]
fn tcp_read_line(park: &mut Park) {
    let (stream, peer) = tcp_pair();
    park.keep(peer);
    park.spawn(async move {
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).await.is_ok() //~ tcp_read_line
    });
}

//= program::net::unix_read::{async block} at ~unix_read
//=   tokio::io::util::read::Read<UnixStream> [data]
fn unix_read(park: &mut Park) {
    let (mut stream, peer) = unix_pair();
    park.keep(peer);
    park.spawn(async move {
        let mut bytes = [0; 16];
        stream.read(&mut bytes).await.is_ok() //~ unix_read
    });
}

//= program::net::unix_copy::{async block} at ~unix_copy
//=   tokio::io::util::copy_bidirectional::copy_bidirectional<UnixStream, UnixStream> [readiness]
fn unix_copy(park: &mut Park) {
    let ((mut left, left_peer), (mut right, right_peer)) = (unix_pair(), unix_pair());
    park.keep((left_peer, right_peer));
    park.spawn(async move {
        tokio::io::copy_bidirectional(&mut left, &mut right).await.is_ok() //~ unix_copy
    });
}

//= program::net::shared_stream_ready::{async block} at ~shared_stream_ready
//=   tokio::net::UnixStream::ready [readiness]
fn shared_stream_ready(park: &mut Park) {
    let (stream, peer) = unix_pair();
    let stream = Arc::new(stream);
    park.keep(peer);
    park.spawn(async move {
        stream.ready(tokio::io::Interest::READABLE).await.is_ok() //~ shared_stream_ready
    });
}

ways![
    tcp_accept,
    tcp_accept_loop,
    unix_accept,
    udp_recv,
    udp_recv_from,
    unix_datagram_recv,
    tcp_readable,
    tcp_peek,
    tcp_read,
    tcp_read_exact,
    tcp_read_half,
    tcp_write_all,
    tcp_lines,
    tcp_read_line,
    unix_read,
    unix_copy,
    shared_stream_ready,
];
