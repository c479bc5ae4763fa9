//! From survivors to causes, and what others build survivors of.

use leakcheck_inspect::{HoldKind, Resource, Wait, WaitKind};

use super::*;

pub(super) fn leaf(kind: WaitKind) -> Node {
    let mut node = Node::new(NodeKind::Leaf, format!("tokio::{kind:?}"));
    node.wait = Some(Wait::new(kind));
    node
}

pub(super) fn select(children: impl IntoIterator<Item = Node>) -> Node {
    let mut node = Node::new(NodeKind::Function, "app::run");
    node.children.extend(children);
    node
}

pub(super) fn survivor(id: u64) -> Survivor {
    let mut survivor = Survivor::counted(1);
    survivor.id = Some(id);
    survivor.state = Some(State::Waiting);
    survivor
}

pub(super) fn with(id: u64, tree: Node) -> Survivor {
    let mut survivor = survivor(id);
    survivor.awaits = Some(tree);
    survivor
}

pub(super) fn joining<const N: usize>(id: u64, tasks: [u64; N]) -> Survivor {
    let mut join = leaf(WaitKind::Join);
    join.wait.as_mut().unwrap().tasks = tasks.to_vec();
    with(id, select([join]))
}

/// A survivor that waits for one numbered thing of this kind, and took others.
pub(super) fn locking<const N: usize>(
    id: u64,
    (kind, of): (WaitKind, u64),
    took: [(HoldKind, u64); N],
) -> Survivor {
    let mut lock = leaf(kind);
    lock.wait.as_mut().unwrap().of = Some(Resource::new(of));
    let mut survivor = with(id, select([lock]));
    survivor.holds.extend(took.map(|(kind, of)| Hold::new(kind, of, "kept", "app::run")));
    survivor
}

pub(super) fn diagnosed(mut survivors: Vec<Survivor>) -> Vec<Survivor> {
    diagnose_all(&mut survivors);
    survivors
}

fn check(survivor: Survivor, cause: Cause, why: &str, help: &str) {
    let found = diagnosed(vec![survivor]).remove(0);
    let told = found.why.as_deref().unwrap_or_default();
    assert_eq!(found.cause, Some(cause), "{told}");
    assert_eq!(told.split_once(": "), Some((cause.label(), why)));
    assert!(found.help.as_deref().unwrap_or_default().contains(help), "{:?}", found.help);
}

fn tree(nodes: impl IntoIterator<Item = Node>) -> Survivor {
    with(1, select(nodes))
}

fn peers(kind: WaitKind, peers: u64) -> Node {
    let mut node = leaf(kind);
    node.wait.as_mut().unwrap().peers = Some(peers);
    node
}

fn due(kind: WaitKind, ms: i64) -> Node {
    let mut node = leaf(kind);
    node.wait.as_mut().unwrap().remaining_ms = Some(ms);
    node
}

#[test]
fn a_subscriber_says_how_many_senders_are_left_where_that_is_known() {
    let why = "waits for the next message of a broadcast channel, and 2 senders are still alive";
    let known = tree([peers(WaitKind::BroadcastReceive, 2)]);
    check(known, Cause::SubscriberNotClosed, why, "drop the subscription");
    let why = "waits for the next message of a broadcast channel";
    let unknown = tree([leaf(WaitKind::BroadcastReceive)]);
    check(unknown, Cause::SubscriberNotClosed, why, "drop the subscription");
}

#[test]
fn a_subscriber_with_a_token_is_told_to_cancel_it() {
    let why =
        "waits for a message (1 sender is still alive), and for a token that nobody cancelled";
    let both = [peers(WaitKind::BroadcastReceive, 1), leaf(WaitKind::Cancelled)];
    check(tree(both), Cause::SubscriberNotClosed, why, "cancel the CancellationToken");
    let why = "waits for the cancellation of a token that nobody cancelled";
    let alone = tree([leaf(WaitKind::Cancelled)]);
    check(alone, Cause::TokenNeverCancelled, why, "cancel the CancellationToken");
}

#[test]
fn a_worker_with_a_token_has_an_exit() {
    let why = "waits for a message, a connection and 1 more, and for a token that nobody cancelled";
    let token = leaf(WaitKind::Cancelled);
    let work = [WaitKind::Accept, WaitKind::Interval, WaitKind::MpscReceive].map(leaf);
    let worker = tree(work.into_iter().chain([token]));
    check(worker, Cause::TokenNeverCancelled, why, "cancel the CancellationToken");
}

#[test]
fn a_response_is_not_sent_or_not_read() {
    let why =
        "waits for a oneshot channel's answer, which nobody sent, and 1 sender is still alive";
    let asked = tree([peers(WaitKind::OneshotReceive, 1)]);
    check(asked, Cause::ResponseNeverSent, why, "send the answer");
    let why = "waits for room in a channel, and got none, and 1 receiver is still alive";
    let full = tree([peers(WaitKind::MpscSend, 1)]);
    check(full, Cause::ResponseNeverRead, why, "read the channel");
}

#[test]
fn a_worker_waits_for_work_and_a_subscription_for_messages() {
    let why = "waits for the next message of its channel, and 1 sender is still alive";
    let mut worker = tree([peers(WaitKind::MpscReceive, 1)]);
    check(worker.clone(), Cause::WorkerWithoutExit, why, "drop every Sender");
    worker.awaits.as_mut().unwrap().name = "app::Subscription::next".into();
    let why = "waits for the next message of its subscription, and 1 sender is still alive";
    check(worker, Cause::SubscriberNotClosed, why, "close or drop the subscription");
}

#[test]
fn a_sleep_says_how_much_longer() {
    let sleeping = |ms| tree([due(WaitKind::Sleep, ms)]);
    let why = "sleeps for another 29.5 s beyond the grace";
    check(sleeping(29_500), Cause::SleepsLonger, why, "raise the `grace`");
    let why = "sleeps, and its timer is overdue by 40 ms";
    let mut overdue = sleeping(-40);
    check(overdue.clone(), Cause::BetweenTurns, why, "await its end");
    overdue.polls_in_grace = Some(0);
    check(overdue, Cause::NeverGotItsTurn, why, "threads busy");
    let mut again = sleeping(80);
    again.polls_in_grace = Some(5);
    let why = "sleeps again and again (due in 80 ms); it ran 5 times in the grace";
    check(again, Cause::WorkerWithoutExit, why, "give its loop an exit");
}

#[test]
fn a_timeout_around_a_wait_says_when_it_ends() {
    let mut timeout = due(WaitKind::Timeout, 800);
    timeout.children.push(leaf(WaitKind::Mutex));
    let why = "waits for a Mutex that was not released, until a timeout ends that in 800 ms";
    check(tree([timeout]), Cause::LockNeverReleased, why, "guard");
}

#[test]
fn an_unwakeable_task_is_told_so_unless_its_leaf_says_why() {
    let unwakeable = |kind| {
        let mut survivor = tree([leaf(kind)]);
        survivor.unwakeable = Some(true);
        survivor
    };
    let why = "can never run again, because nobody holds a waker of it; waits for a notification, and none came";
    check(unwakeable(WaitKind::Notified), Cause::Unwakeable, why, "waker");
    let mut cut = unwakeable(WaitKind::Notified);
    let more = Node::new(NodeKind::Cut, "too deep");
    cut.awaits.as_mut().unwrap().children.push(more);
    check(cut, Cause::Unwakeable, why, "not complete");
    let why = "awaits `pending()`, which never ends";
    check(unwakeable(WaitKind::Pending), Cause::PendingForever, why, "abort");
}

#[test]
fn a_channel_without_senders_is_not_said_to_have_one() {
    let why =
        "waits for a message, but no sender is left: its wait is over, and it has not run since";
    check(tree([peers(WaitKind::MpscReceive, 0)]), Cause::NeverGotItsTurn, why, "polled");
}

#[test]
fn the_state_goes_before_the_leaf() {
    let in_state = |state, polls| {
        let mut survivor = tree([leaf(WaitKind::Accept)]);
        (survivor.state, survivor.polls_in_grace) = (Some(state), Some(polls));
        survivor
    };
    let why = "has not returned from its poll";
    check(in_state(State::Running, 1), Cause::BlocksItsWorker, why, "spawn_blocking");
    let why = "was polled 5000 times after the test's body was over: it never waits for long";
    check(in_state(State::Waiting, 5_000), Cause::BusyLoop, why, "exit");
    let why = "did not run: its runtime had no turn for it";
    check(in_state(State::NeverPolled, 0), Cause::NeverPolled, why, "threads busy");
    let why = "was woken, and its runtime had no turn for it yet";
    check(in_state(State::Notified, 0), Cause::NeverGotItsTurn, why, "threads busy");
    let why = "was aborted, and its future is still not dropped";
    check(in_state(State::Cancelled, 1), Cause::IgnoresCancellation, why, "poll return");
}

#[test]
fn a_task_that_is_woken_now_and_then_is_told_by_what_it_waits_for() {
    let mut ticking = tree([leaf(WaitKind::Interval)]);
    (ticking.state, ticking.polls_in_grace) = (Some(State::Notified), Some(9));
    let why =
        "waits for the next tick of an interval, which never runs out; it ran 9 times in the grace";
    check(ticking, Cause::WorkerWithoutExit, why, "give its loop an exit");
    let mut unread = survivor(1);
    (unread.state, unread.polls_in_grace) = (Some(State::Notified), Some(1));
    let why = "was woken, and its runtime had no turn for it yet";
    check(unread, Cause::NeverGotItsTurn, why, "threads busy");
}

#[test]
fn where_nobody_counts_polls_a_task_between_two_turns_may_loop() {
    let why = "was to run again when it was read, perhaps in a busy loop";
    check(tree([leaf(WaitKind::Yield)]), Cause::BetweenTurns, why, "give its loop an exit");
    let mut unread = survivor(1);
    unread.state = Some(State::Notified);
    check(unread.clone(), Cause::BetweenTurns, why, "await its end");
    unread.state = Some(State::Running);
    let why = "was in a poll when it was read, which lasts, or is one of a busy loop";
    check(unread, Cause::BlocksItsWorker, why, "an exit");
}

#[test]
fn a_socket_of_datagrams_has_no_other_side_to_close() {
    let why = "waits for more data, or for the other side to close";
    let mut reads = tree([leaf(WaitKind::Read)]);
    check(reads.clone(), Cause::PeerSilent, why, "close the other side");
    reads.awaits.as_mut().unwrap().name = "tokio::net::udp::UdpSocket::recv_from".into();
    let why = "waits for a datagram, or for its socket to be ready";
    check(reads, Cause::PeerSilent, why, "select! it against");
}

#[test]
fn alike_leaves_are_counted_and_not_repeated() {
    let why = "waits for a oneshot channel's answer, which nobody sent (one of 3 such)";
    check(
        tree([(); 3].map(|()| leaf(WaitKind::OneshotReceive))),
        Cause::ResponseNeverSent,
        why,
        "send",
    );
}

#[test]
fn without_a_tree_a_waiting_task_has_no_cause() {
    let found = diagnosed(vec![survivor(1), Survivor::counted(2)]);
    assert!(found.iter().all(|one| one.cause.is_none() && one.why.is_none()));
    assert!(found.iter().all(|one| one.help.as_deref() == Some(ALONE)));
}

#[test]
fn every_kind_of_leaf_but_an_unknown_one_has_a_cause() {
    let causeless = |kind: &WaitKind| alone(&tree([leaf(*kind)])).is_none();
    let causeless: Vec<_> = leaves::TELLING.into_iter().filter(causeless).collect();
    assert_eq!(causeless, [WaitKind::Other]);
}

#[test]
fn whoever_took_a_lock_before_may_wait_for_itself() {
    let twice = locking(1, (WaitKind::Mutex, 7), [(HoldKind::Guard, 7)]);
    let why = "waits for a Mutex that was not released; it took that itself before (`kept` in \
               app::run): unless it gave that back, it waits for itself";
    check(twice, Cause::LockNeverReleased, why, "drop the guard");
}

#[test]
fn whoever_sends_into_its_own_channel_is_told_to_read_it() {
    let full = locking(1, (WaitKind::MpscSend, 7), [(HoldKind::Receiver, 7)]);
    let why = "waits for room in a channel, and got none; it took the channel's receiver itself (`kept` \
               in app::run): unless it gave that away, nobody makes room";
    check(full, Cause::ResponseNeverRead, why, "read the channel while sending");
}

#[test]
fn whoever_reads_its_own_channel_does_as_it_should() {
    let worker = locking(1, (WaitKind::MpscReceive, 7), [(HoldKind::Receiver, 7)]);
    let why = "waits for the next message of its channel";
    check(worker, Cause::WorkerWithoutExit, why, "drop every Sender");
}

#[test]
fn a_permit_of_ones_own_says_nothing_of_the_next() {
    let second = locking(1, (WaitKind::Semaphore, 7), [(HoldKind::Permit, 7)]);
    let found = diagnosed(vec![second]).remove(0);
    assert!(!found.why.unwrap().contains("itself"));
}
