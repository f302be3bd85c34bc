//! Connections without sockets, most of them with paused time.

use super::*;

const PATIENCE: Patience =
    Patience { head: Duration::from_secs(10), idle: Duration::from_secs(60), answer: Duration::from_secs(30) };

fn is_closed(ticket: &Ticket) -> bool {
    ticket.close.is_cancelled()
}

/// Takes the first connection off the list as an eviction does, and lists it again if it is
/// idle.
fn take_off_first(state: &mut State) {
    let Some((_, id)) = state.idle.pop_first() else { return };
    let open = state.open.get_mut(&id).expect("an open connection");
    open.listed = None;
    let idle = open.activity.taken_off();
    idle.into_iter().for_each(|since| state.list(id, since));
}

#[tokio::test(start_paused = true)]
async fn a_new_connection_replaces_the_one_that_is_idle_longest() {
    let connections = Connections::new(2);
    let first = Arc::new(connections.admit().expect("room"));
    tokio::time::advance(Duration::from_secs(1)).await;
    let second = connections.admit().expect("room");
    tokio::time::advance(Duration::from_secs(1)).await;
    // The first one works and becomes idle after the second.
    drop(first.begin());
    let third = connections.admit().expect("the second makes room");
    assert!(is_closed(&second) && !is_closed(&first) && !is_closed(&third));
    assert!(!third.is_health_only());
    drop(second);
    assert_eq!(connections.open(), 2);
}

#[tokio::test(start_paused = true)]
async fn connections_that_make_room_are_waited_for() {
    let connections = Connections::new(RESERVE);
    let first: Vec<Ticket> = (0..RESERVE).map(|_| connections.admit().expect("room")).collect();
    connections.made_room().await;
    let second: Vec<Ticket> = (0..RESERVE).map(|_| connections.admit().expect("an idle one leaves")).collect();
    let wait = tokio::time::timeout(Duration::from_secs(1), connections.made_room());
    wait.await.expect_err("the first ones still have their files");
    let all_close = async {
        for ticket in first {
            tokio::task::yield_now().await;
            drop(ticket);
        }
    };
    tokio::join!(all_close, connections.made_room());
    drop(second);
    assert_eq!((connections.open(), connections.lock().leaving), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn busy_connections_stay_and_health_checks_have_a_reserve() {
    let connections = Connections::new(1);
    let busy = Arc::new(connections.admit().expect("room"));
    let request = busy.begin();
    let reserve: Vec<_> = std::iter::from_fn(|| {
        let ticket = Arc::new(connections.admit()?);
        assert!(ticket.is_health_only());
        Some((ticket.begin(), ticket))
    })
    .collect();
    assert_eq!(reserve.len(), RESERVE);
    assert!(!is_closed(&busy));
    let (last_request, last) = reserve.into_iter().next_back().expect("a reserve");
    assert!(last.is_health_only(), "there are more than the limit");
    drop((request, busy));
    assert!(!last.is_health_only(), "it counts as an ordinary one now");
    drop(last_request);
    let next = connections.admit().expect("the last one is idle");
    assert!(!next.is_health_only() && is_closed(&last));
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_was_busy_is_listed_again() {
    let connections = Connections::new(1);
    let first = Arc::new(connections.admit().expect("room"));
    for _ in 0..3 {
        let requests = (first.begin(), first.begin());
        assert!(!connections.evict_idle(), "the only connection is busy");
        tokio::time::advance(Duration::from_secs(1)).await;
        drop(requests);
        assert_eq!(connections.lock().idle.len(), 1);
        connections.sweep(PATIENCE);
    }
    tokio::time::advance(PATIENCE.idle).await;
    assert!(connections.evict_idle() && is_closed(&first));
    drop(first);
    let state = connections.lock();
    assert_eq!((state.open.len(), state.idle.len(), state.leaving), (0, 0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn requests_on_many_threads_leave_every_connection_idle_and_listed() {
    let connections = Connections::new(64);
    let tickets: Vec<_> = (0..4).map(|_| Arc::new(connections.admit().expect("room"))).collect();
    let working: Vec<_> = (0..16)
        .map(|at| {
            let ticket = Arc::clone(&tickets[at % tickets.len()]);
            tokio::spawn(async move {
                for _ in 0..2_000 {
                    let mut request = ticket.begin();
                    request.progress();
                    drop(request);
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    // Connections are taken off the list while their requests begin and end.
    while !working.iter().all(tokio::task::JoinHandle::is_finished) {
        take_off_first(&mut connections.lock());
        tokio::task::yield_now().await;
    }
    for task in working {
        task.await.expect("no panic");
    }
    let state = connections.lock();
    assert_eq!(state.idle.len(), tickets.len());
    for ticket in &tickets {
        assert!(!ticket.is_busy() && ticket.activity.unread.load(ORDER) == 0);
    }
}

#[tokio::test]
async fn a_few_connections_are_wide_and_others_become_so_when_those_close() {
    let connections = Connections::new(8 * WIDE);
    let mut open: Vec<Ticket> = (0..2 * WIDE).map(|_| connections.admit().expect("room")).collect();
    assert_eq!(open.iter().filter(|ticket| ticket.is_wide()).count(), WIDE);
    drop(open.pop());
    assert!(!connections.admit().expect("room").is_wide(), "a narrow one has closed");
    drop(open.remove(0));
    assert!(connections.admit().expect("room").is_wide(), "a wide one has closed");
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed_after_its_time_and_a_busy_one_is_not() {
    let connections = Connections::new(8);
    let (silent, busy) = (connections.admit().expect("room"), Arc::new(connections.admit().expect("room")));
    let request = busy.begin();
    tokio::time::advance(Duration::from_secs(59)).await;
    connections.sweep(PATIENCE);
    assert!(!is_closed(&silent));
    tokio::time::advance(Duration::from_secs(1)).await;
    connections.sweep(PATIENCE);
    assert!(is_closed(&silent) && !is_closed(&busy));
    drop(request);
    tokio::time::advance(Duration::from_secs(59)).await;
    connections.sweep(PATIENCE);
    assert!(!is_closed(&busy));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_nobody_reads_closes_its_connection() {
    let connections = Connections::new(8);
    let (reader, watcher) =
        (Arc::new(connections.admit().expect("room")), Arc::new(connections.admit().expect("room")));
    let (mut left, mut watched) = (reader.begin(), watcher.begin());
    left.progress();
    // This client has read all there is, and waits for more.
    watched.progress();
    watched.caught_up();
    tokio::time::advance(Duration::from_secs(31)).await;
    connections.sweep(PATIENCE);
    assert!(is_closed(&reader) && !is_closed(&watcher));
}

#[tokio::test(start_paused = true)]
async fn a_head_that_trickles_in_closes_its_connection() {
    let connections = Connections::new(8);
    let (slow, shared) = (connections.admit().expect("room"), connections.admit().expect("room"));
    let kept = Arc::new(connections.admit().expect("room"));
    for _ in 0..11 {
        slow.received(b"G");
        shared.received(b"PRI * HTTP/2.0");
        kept.received(b"GET");
        drop(kept.begin());
        tokio::time::advance(Duration::from_secs(1)).await;
        connections.sweep(PATIENCE);
    }
    assert!(is_closed(&slow) && !is_closed(&shared) && !is_closed(&kept));
}

#[tokio::test]
async fn the_limit_of_open_files_is_known() {
    assert!(files_left().is_some_and(|files| files > 0));
}
