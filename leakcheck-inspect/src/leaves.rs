//! The futures that inspection knows by name: what it means to wait for them.
//!
//! A row names a type or a function by its path without generics and `impl` blocks, so it is found
//! whatever it is generic over. Where a function is a leaf, what it awaits inside is its own affair.

use std::collections::HashMap;
use std::sync::OnceLock;

use crate::wait::WaitKind;

/// What is known of a future.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) look: Look,
    /// How it is called; `<>` stands for its generics.
    pub(crate) name: &'static str,
}

/// How a known future is looked into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// It is a leaf, and waits for this.
    Leaf(WaitKind),
    /// It is made of others, and has a deadline.
    Timeout,
    /// A `FuturesUnordered`: its futures are in a list of its own.
    Unordered,
    /// A `LocalSet` or what runs one: its tasks are in a list of its own.
    LocalSet,
    /// It initialises a cell, or waits for another that does.
    OnceCell,
    /// Its future is shared with others (`Arc`).
    SharedFuture,
    /// Its future is in a `ManuallyDrop`, and lives as long as it does.
    Instrumented,
    /// The future in the first field, and after that the one in the second.
    First(&'static str, &'static str),
    /// It moves items from a stream into a sink, and waits for the one or the other.
    Forward,
    /// Nothing in it is a future.
    Nothing,
}

/// The rule for this path.
pub(crate) fn rule(plain: &str) -> Option<&'static Rule> {
    static RULES: OnceLock<HashMap<&'static str, Rule>> = OnceLock::new();
    let rules = RULES.get_or_init(|| {
        ROWS.iter().map(|(plain, name, look)| (*plain, Rule { look: *look, name })).collect()
    });
    rules.get(plain).or_else(|| {
        let prefixed = |(prefix, _): &&(&str, Rule)| plain.starts_with(prefix);
        prefixes().iter().find(prefixed).map(|(_, rule)| rule)
    })
}

/// Whole modules of futures: one rule for all of them, each called by its own name.
fn prefixes() -> &'static [(&'static str, Rule)] {
    static PREFIXES: &[(&str, Rule)] = &[
        ("tokio::io::util::read", Rule { look: Look::Leaf(WaitKind::Read), name: "" }),
        ("tokio::io::util::fill_buf", Rule { look: Look::Leaf(WaitKind::Read), name: "" }),
        (
            "tokio::io::util::lines::next_line",
            Rule { look: Look::Leaf(WaitKind::Read), name: "tokio::io::Lines<>::next_line" },
        ),
        (
            "tokio::io::util::split::next_segment",
            Rule { look: Look::Leaf(WaitKind::Read), name: "tokio::io::Split<>::next_segment" },
        ),
        ("tokio::io::util::copy", Rule { look: Look::Leaf(WaitKind::Ready), name: "" }),
        ("tokio::io::util::write", Rule { look: Look::Leaf(WaitKind::Write), name: "" }),
        ("tokio::io::util::flush", Rule { look: Look::Leaf(WaitKind::Write), name: "" }),
        ("tokio::io::util::shutdown", Rule { look: Look::Leaf(WaitKind::Write), name: "" }),
        ("std::", Rule { look: Look::Nothing, name: "" }),
        ("mio::", Rule { look: Look::Nothing, name: "" }),
        ("parking_lot", Rule { look: Look::Nothing, name: "" }),
        ("bytes::", Rule { look: Look::Nothing, name: "" }),
        ("hashbrown::", Rule { look: Look::Nothing, name: "" }),
        ("tracing::span::Span", Rule { look: Look::Nothing, name: "" }),
        ("core::task::", Rule { look: Look::Nothing, name: "" }),
        ("tokio::runtime::handle", Rule { look: Look::Nothing, name: "" }),
        ("tokio::runtime::scheduler", Rule { look: Look::Nothing, name: "" }),
    ];
    PREFIXES
}

use Look::{Leaf, LocalSet, OnceCell, Timeout, Unordered};
use WaitKind as W;

#[rustfmt::skip]
const ROWS: &[(&str, &str, Look)] = &[
    ("core::future::pending::Pending", "core::future::Pending<>", Leaf(W::Pending)),
    ("tracing::instrument::Instrumented", "tracing::instrument::Instrumented", Look::Instrumented),
    ("futures_util::stream::stream::chain::Chain", "futures_util::stream::stream::Chain", Look::First("first", "second")),
    ("tokio_stream::stream_ext::chain::Chain", "tokio_stream::stream_ext::Chain", Look::First("a", "b")),
    ("futures_util::stream::pending::Pending", "futures_util::stream::pending::Pending<>", Leaf(W::Pending)),
    ("futures_util::stream::stream::forward::Forward", "futures_util::stream::stream::Forward", Look::Forward),
    ("futures_util::future::pending::Pending", "futures::future::Pending<>", Leaf(W::Pending)),
    ("tokio::task::yield_now::yield_now", "tokio::task::yield_now", Leaf(W::Yield)),

    ("tokio::time::sleep::Sleep", "tokio::time::Sleep", Leaf(W::Sleep)),
    ("tokio::time::interval::tick", "tokio::time::Interval::tick", Leaf(W::Interval)),
    ("tokio::time::interval::Interval", "tokio::time::Interval", Leaf(W::Interval)),
    ("tokio::time::timeout::Timeout", "tokio::time::Timeout", Timeout),

    ("tokio::sync::oneshot::Receiver", "tokio::sync::oneshot::Receiver<>", Leaf(W::OneshotReceive)),
    ("tokio::sync::oneshot::closed", "tokio::sync::oneshot::Sender<>::closed", Leaf(W::OneshotClosed)),
    ("tokio::sync::mpsc::bounded::recv", "tokio::sync::mpsc::Receiver<>::recv", Leaf(W::MpscReceive)),
    ("tokio::sync::mpsc::bounded::recv_many", "tokio::sync::mpsc::Receiver<>::recv_many", Leaf(W::MpscReceive)),
    ("tokio::sync::mpsc::bounded::Receiver", "tokio::sync::mpsc::Receiver<>", Leaf(W::MpscReceive)),
    ("tokio::sync::mpsc::unbounded::recv", "tokio::sync::mpsc::UnboundedReceiver<>::recv", Leaf(W::MpscReceive)),
    ("tokio::sync::mpsc::unbounded::recv_many", "tokio::sync::mpsc::UnboundedReceiver<>::recv_many", Leaf(W::MpscReceive)),
    ("tokio::sync::mpsc::unbounded::UnboundedReceiver", "tokio::sync::mpsc::UnboundedReceiver<>", Leaf(W::MpscReceive)),
    ("tokio::sync::mpsc::bounded::send", "tokio::sync::mpsc::Sender<>::send", Leaf(W::MpscSend)),
    ("tokio::sync::mpsc::bounded::send_timeout", "tokio::sync::mpsc::Sender<>::send_timeout", Leaf(W::MpscSend)),
    ("tokio::sync::mpsc::bounded::reserve", "tokio::sync::mpsc::Sender<>::reserve", Leaf(W::MpscSend)),
    ("tokio::sync::mpsc::bounded::reserve_many", "tokio::sync::mpsc::Sender<>::reserve_many", Leaf(W::MpscSend)),
    ("tokio::sync::mpsc::bounded::reserve_owned", "tokio::sync::mpsc::Sender<>::reserve_owned", Leaf(W::MpscSend)),
    ("tokio::sync::mpsc::bounded::reserve_inner", "tokio::sync::mpsc::Sender<>::reserve", Leaf(W::MpscSend)),
    ("tokio::sync::mpsc::bounded::closed", "tokio::sync::mpsc::Sender<>::closed", Leaf(W::MpscClosed)),
    ("tokio::sync::mpsc::unbounded::closed", "tokio::sync::mpsc::UnboundedSender<>::closed", Leaf(W::MpscClosed)),
    ("tokio::sync::broadcast::recv", "tokio::sync::broadcast::Receiver<>::recv", Leaf(W::BroadcastReceive)),
    ("tokio::sync::broadcast::Recv", "tokio::sync::broadcast::Receiver<>::recv", Leaf(W::BroadcastReceive)),
    ("tokio::sync::broadcast::Receiver", "tokio::sync::broadcast::Receiver<>", Leaf(W::BroadcastReceive)),
    ("tokio::sync::broadcast::closed", "tokio::sync::broadcast::Sender<>::closed", Leaf(W::BroadcastClosed)),
    ("tokio::sync::watch::changed", "tokio::sync::watch::Receiver<>::changed", Leaf(W::WatchChanged)),
    ("tokio::sync::watch::changed_impl", "tokio::sync::watch::Receiver<>::changed", Leaf(W::WatchChanged)),
    ("tokio::sync::watch::wait_for", "tokio::sync::watch::Receiver<>::wait_for", Leaf(W::WatchChanged)),
    ("tokio::sync::watch::wait_for_inner", "tokio::sync::watch::Receiver<>::wait_for", Leaf(W::WatchChanged)),
    ("tokio::sync::watch::closed", "tokio::sync::watch::Sender<>::closed", Leaf(W::WatchClosed)),
    ("tokio::sync::notify::Notified", "tokio::sync::Notify::notified", Leaf(W::Notified)),
    ("tokio::sync::notify::OwnedNotified", "tokio::sync::Notify::notified_owned", Leaf(W::Notified)),
    ("tokio::sync::mutex::lock", "tokio::sync::Mutex<>::lock", Leaf(W::Mutex)),
    ("tokio::sync::mutex::lock_owned", "tokio::sync::Mutex<>::lock_owned", Leaf(W::Mutex)),
    ("tokio::sync::rwlock::read", "tokio::sync::RwLock<>::read", Leaf(W::RwLockRead)),
    ("tokio::sync::rwlock::read_owned", "tokio::sync::RwLock<>::read_owned", Leaf(W::RwLockRead)),
    ("tokio::sync::rwlock::write", "tokio::sync::RwLock<>::write", Leaf(W::RwLockWrite)),
    ("tokio::sync::rwlock::write_owned", "tokio::sync::RwLock<>::write_owned", Leaf(W::RwLockWrite)),
    ("tokio::sync::semaphore::acquire", "tokio::sync::Semaphore::acquire", Leaf(W::Semaphore)),
    ("tokio::sync::semaphore::acquire_many", "tokio::sync::Semaphore::acquire_many", Leaf(W::Semaphore)),
    ("tokio::sync::semaphore::acquire_owned", "tokio::sync::Semaphore::acquire_owned", Leaf(W::Semaphore)),
    ("tokio::sync::semaphore::acquire_many_owned", "tokio::sync::Semaphore::acquire_many_owned", Leaf(W::Semaphore)),
    ("tokio::sync::batch_semaphore::Acquire", "tokio::sync::Semaphore::acquire", Leaf(W::Semaphore)),
    ("tokio_util::sync::poll_semaphore::PollSemaphore", "tokio_util::sync::PollSemaphore", Leaf(W::Semaphore)),
    ("tokio::sync::barrier::wait", "tokio::sync::Barrier::wait", Leaf(W::Barrier)),
    ("tokio::sync::barrier::wait_internal", "tokio::sync::Barrier::wait", Leaf(W::Barrier)),
    ("tokio::sync::once_cell::get_or_init", "tokio::sync::OnceCell<>::get_or_init", OnceCell),
    ("tokio::sync::once_cell::get_or_try_init", "tokio::sync::OnceCell<>::get_or_try_init", OnceCell),
    ("tokio::sync::set_once::wait", "tokio::sync::SetOnce<>::wait", Leaf(W::OnceCell)),
    ("tokio_util::sync::cancellation_token::WaitForCancellationFuture", "tokio_util::sync::CancellationToken::cancelled", Leaf(W::Cancelled)),
    ("tokio_util::sync::cancellation_token::WaitForCancellationFutureOwned", "tokio_util::sync::CancellationToken::cancelled_owned", Leaf(W::Cancelled)),
    ("tokio_util::task::task_tracker::TaskTrackerWaitFuture", "tokio_util::task::TaskTracker::wait", Leaf(W::TaskTracker)),

    ("tokio::runtime::task::join::JoinHandle", "tokio::task::JoinHandle<>", Leaf(W::Join)),
    ("tokio::task::join_set::join_next", "tokio::task::JoinSet<>::join_next", Leaf(W::JoinSet)),
    ("tokio::task::join_set::join_next_with_id", "tokio::task::JoinSet<>::join_next_with_id", Leaf(W::JoinSet)),
    ("tokio::task::join_set::join_all", "tokio::task::JoinSet<>::join_all", Leaf(W::JoinSet)),
    ("tokio::task::join_set::shutdown", "tokio::task::JoinSet<>::shutdown", Leaf(W::JoinSet)),
    ("tokio::task::join_set::JoinSet", "tokio::task::JoinSet<>", Leaf(W::JoinSet)),
    ("tokio_util::task::join_map::join_next", "tokio_util::task::JoinMap::join_next", Leaf(W::JoinSet)),
    ("tokio::fs::asyncify", "tokio::fs", Leaf(W::Blocking)),

    ("tokio::task::local::RunUntil", "tokio::task::LocalSet::run_until", LocalSet),
    ("tokio::task::local::LocalSet", "tokio::task::LocalSet", LocalSet),

    ("tokio::net::tcp::listener::accept", "tokio::net::TcpListener::accept", Leaf(W::Accept)),
    ("tokio::net::unix::listener::accept", "tokio::net::UnixListener::accept", Leaf(W::Accept)),
    ("tokio::net::tcp::listener::TcpListener", "tokio::net::TcpListener", Leaf(W::Accept)),
    ("tokio::net::unix::listener::UnixListener", "tokio::net::UnixListener", Leaf(W::Accept)),
    ("tokio::net::tcp::stream::connect", "tokio::net::TcpStream::connect", Leaf(W::Connect)),
    ("tokio::net::tcp::stream::connect_mio", "tokio::net::TcpStream::connect", Leaf(W::Connect)),
    ("tokio::net::tcp::socket::connect", "tokio::net::TcpSocket::connect", Leaf(W::Connect)),
    ("tokio::net::unix::stream::connect", "tokio::net::UnixStream::connect", Leaf(W::Connect)),
    ("tokio::net::tcp::stream::TcpStream", "tokio::net::TcpStream", Leaf(W::Ready)),
    ("tokio::net::unix::stream::UnixStream", "tokio::net::UnixStream", Leaf(W::Ready)),
    ("tokio::net::tcp::stream::peek", "tokio::net::TcpStream::peek", Leaf(W::Read)),
    ("tokio::net::tcp::stream::readable", "tokio::net::TcpStream::readable", Leaf(W::Ready)),
    ("tokio::net::tcp::stream::writable", "tokio::net::TcpStream::writable", Leaf(W::Ready)),
    ("tokio::net::tcp::stream::ready", "tokio::net::TcpStream::ready", Leaf(W::Ready)),
    ("tokio::net::unix::stream::readable", "tokio::net::UnixStream::readable", Leaf(W::Ready)),
    ("tokio::net::unix::stream::writable", "tokio::net::UnixStream::writable", Leaf(W::Ready)),
    ("tokio::net::unix::stream::ready", "tokio::net::UnixStream::ready", Leaf(W::Ready)),
    ("tokio::net::udp::recv", "tokio::net::UdpSocket::recv", Leaf(W::Read)),
    ("tokio::net::udp::recv_buf", "tokio::net::UdpSocket::recv_buf", Leaf(W::Read)),
    ("tokio::net::udp::recv_from", "tokio::net::UdpSocket::recv_from", Leaf(W::Read)),
    ("tokio::net::udp::recv_buf_from", "tokio::net::UdpSocket::recv_buf_from", Leaf(W::Read)),
    ("tokio::net::udp::peek", "tokio::net::UdpSocket::peek", Leaf(W::Read)),
    ("tokio::net::udp::peek_from", "tokio::net::UdpSocket::peek_from", Leaf(W::Read)),
    ("tokio::net::udp::send", "tokio::net::UdpSocket::send", Leaf(W::Write)),
    ("tokio::net::udp::send_to", "tokio::net::UdpSocket::send_to", Leaf(W::Write)),
    ("tokio::net::udp::readable", "tokio::net::UdpSocket::readable", Leaf(W::Ready)),
    ("tokio::net::udp::writable", "tokio::net::UdpSocket::writable", Leaf(W::Ready)),
    ("tokio::net::udp::ready", "tokio::net::UdpSocket::ready", Leaf(W::Ready)),
    ("tokio::net::unix::datagram::socket::recv", "tokio::net::UnixDatagram::recv", Leaf(W::Read)),
    ("tokio::net::unix::datagram::socket::recv_from", "tokio::net::UnixDatagram::recv_from", Leaf(W::Read)),
    ("tokio::net::unix::datagram::socket::send", "tokio::net::UnixDatagram::send", Leaf(W::Write)),
    ("tokio::net::unix::datagram::socket::readable", "tokio::net::UnixDatagram::readable", Leaf(W::Ready)),
    ("tokio::net::unix::pipe::readable", "tokio::net::unix::pipe::Receiver::readable", Leaf(W::Ready)),
    ("tokio::net::unix::pipe::writable", "tokio::net::unix::pipe::Sender::writable", Leaf(W::Ready)),
    ("tokio::io::async_fd::readable", "tokio::io::unix::AsyncFd<>::readable", Leaf(W::Ready)),
    ("tokio::io::async_fd::readable_mut", "tokio::io::unix::AsyncFd<>::readable_mut", Leaf(W::Ready)),
    ("tokio::io::async_fd::writable", "tokio::io::unix::AsyncFd<>::writable", Leaf(W::Ready)),
    ("tokio::io::async_fd::writable_mut", "tokio::io::unix::AsyncFd<>::writable_mut", Leaf(W::Ready)),
    ("tokio::io::async_fd::ready", "tokio::io::unix::AsyncFd<>::ready", Leaf(W::Ready)),
    ("tokio::io::async_fd::ready_mut", "tokio::io::unix::AsyncFd<>::ready_mut", Leaf(W::Ready)),
    ("tokio::io::async_fd::async_io", "tokio::io::unix::AsyncFd<>::async_io", Leaf(W::Ready)),
    ("tokio::io::async_fd::async_io_mut", "tokio::io::unix::AsyncFd<>::async_io_mut", Leaf(W::Ready)),
    ("tokio::runtime::io::scheduled_io::Readiness", "tokio::runtime::io::Readiness", Leaf(W::Ready)),
    ("tokio::runtime::io::registration::readiness", "tokio::runtime::io::Readiness", Leaf(W::Ready)),
    ("tokio::runtime::io::registration::async_io", "tokio::runtime::io::Readiness", Leaf(W::Ready)),
    ("tokio::io::util::mem::DuplexStream", "tokio::io::DuplexStream", Leaf(W::Ready)),
    ("tokio::signal::unix::recv", "tokio::signal::unix::Signal::recv", Leaf(W::Signal)),
    ("tokio::signal::unix::Signal", "tokio::signal::unix::Signal", Leaf(W::Signal)),
    ("tokio::signal::ctrl_c::ctrl_c", "tokio::signal::ctrl_c", Leaf(W::Signal)),
    ("tokio::signal::ctrl_c", "tokio::signal::ctrl_c", Leaf(W::Signal)),
    ("tokio::process::wait", "tokio::process::Child::wait", Leaf(W::Child)),
    ("tokio::process::wait_with_output", "tokio::process::Child::wait_with_output", Leaf(W::Child)),
    ("tokio::process::Child", "tokio::process::Child", Leaf(W::Child)),

    ("futures_channel::oneshot::Receiver", "futures::channel::oneshot::Receiver<>", Leaf(W::OneshotReceive)),
    ("futures_channel::oneshot::Cancellation", "futures::channel::oneshot::Sender<>::cancellation", Leaf(W::OneshotClosed)),
    ("futures_channel::mpsc::Receiver", "futures::channel::mpsc::Receiver<>", Leaf(W::MpscReceive)),
    ("futures_channel::mpsc::UnboundedReceiver", "futures::channel::mpsc::UnboundedReceiver<>", Leaf(W::MpscReceive)),
    ("futures_channel::mpsc::Sender", "futures::channel::mpsc::Sender<>", Leaf(W::MpscSend)),
    ("futures_util::lock::mutex::MutexLockFuture", "futures::lock::Mutex<>::lock", Leaf(W::Mutex)),
    ("futures_util::lock::mutex::OwnedMutexLockFuture", "futures::lock::Mutex<>::lock_owned", Leaf(W::Mutex)),
    ("futures_util::stream::futures_unordered::FuturesUnordered", "futures::stream::FuturesUnordered", Unordered),
    ("futures_util::future::future::shared::Shared", "futures::future::Shared", Look::SharedFuture),
    ("async_channel::Recv", "async_channel::Receiver<>::recv", Leaf(W::MpscReceive)),
    ("async_channel::Receiver", "async_channel::Receiver<>", Leaf(W::MpscReceive)),
    ("async_channel::Send", "async_channel::Sender<>::send", Leaf(W::MpscSend)),
    ("async_channel::Closed", "async_channel::Sender<>::closed", Leaf(W::MpscClosed)),
    ("async_lock::mutex::Lock", "async_lock::Mutex<>::lock", Leaf(W::Mutex)),
    ("event_listener::EventListener", "event_listener::EventListener", Leaf(W::Notified)),
    ("flume::async::RecvFut", "flume::Receiver<>::recv_async", Leaf(W::MpscReceive)),
    ("flume::async::SendFut", "flume::Sender<>::send_async", Leaf(W::MpscSend)),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_found_and_none_is_written_twice() {
        for (at, (plain, name, look)) in ROWS.iter().enumerate() {
            let rule = rule(plain).expect("the row");
            assert_eq!((rule.name, rule.look), (*name, *look), "row {at}: {plain}");
        }
    }

    #[test]
    fn an_unknown_path_has_no_rule() {
        assert!(rule("app::worker").is_none());
        assert!(rule("tokio::time::sleeping").is_none());
    }
}
