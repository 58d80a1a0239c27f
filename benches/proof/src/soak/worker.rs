//! A thread of the server: it has connections, serves their requests, and ends after some time.
//!
//! Above: `soak`. Below: `Server`. What a thread leaves, its successor takes over: sessions are freed by another thread
//! than the one that made them, and so are answers.

use super::STACK;
use super::server::{Connection, NUMBERS, Server, make, stack};
use crate::objects::{Object, layout};
use crate::random::Random;
use alloc_core::{Layer, Layout};

/// The most requests that a thread serves before it ends.
const LIFE: usize = 30_000;

struct Worker<'s> {
    server: &'s Server,
    connections: Vec<Connection>,
    random: Random,
    number: u64,
}

/// Serves until its time has come.
pub fn work(server: &Server, seed: u64) {
    let mut random = Random::new(seed);
    let life = 100 + random.below(LIFE);
    let mut worker = Worker { server, connections: Vec::new(), random, number: seed * NUMBERS };
    for request in 0..life {
        if server.is_over() {
            break;
        }
        worker.follow_the_tide();
        worker.serve();
        if request % 5000 == 4999 {
            STACK.reclaim(1 << 20);
        }
    }
    worker.connections.into_iter().for_each(|connection| server.leave(connection));
}

fn free(object: Object) {
    object.free(&stack());
}

impl Worker<'_> {
    /// As many connections as there are to be.
    fn follow_the_tide(&mut self) {
        let tide = self.server.tide();
        if self.connections.len() < tide {
            self.connections.push(self.server.accept(&mut self.random));
        }
        if self.connections.len() > tide {
            let which = self.random.below(self.connections.len());
            let connection = self.connections.swap_remove(which);
            connection.session.into_iter().for_each(free);
        }
    }

    fn object(&mut self, layout: Layout) -> Object {
        self.number += 1;
        make(layout, self.random.one_in(4), self.number)
    }

    /// A request of one of the connections.
    fn serve(&mut self) {
        let which = self.random.below(self.connections.len());
        let buffer = self.read();
        let parts: Vec<_> = (0..1 + self.random.below(25)).map(|_| self.small()).collect();
        self.server.look_up(&mut self.random);
        self.keep(which);
        let answer = layout(&mut self.random);
        let answer = self.object(answer);
        self.server.send(answer, &mut self.random).into_iter().for_each(free);
        free(buffer);
        parts.into_iter().for_each(free);
        let connection = &mut self.connections[which];
        connection.requests -= 1;
        if connection.requests == 0 {
            let connection = self.connections.swap_remove(which);
            connection.session.into_iter().for_each(free);
        }
    }

    /// A buffer that grows as it is read into, and is cut at last.
    fn read(&mut self) -> Object {
        let layout = Layout::from_size_align(64, 8).expect("an alignment is a power of two");
        let mut buffer = self.object(layout);
        for _ in 0..self.random.below(8) {
            let bytes = buffer.layout().size() * 2 + self.random.below(64);
            buffer.resize(&stack(), bytes, false).expect("a server has memory");
        }
        let bytes = 1 + self.random.below(buffer.layout().size());
        buffer.resize(&stack(), bytes, false).expect("a server has memory");
        buffer
    }

    fn small(&mut self) -> Object {
        let bytes = 8 + self.random.below(300);
        self.object(Layout::from_size_align(bytes, 8).expect("an alignment is a power of two"))
    }

    /// The session gets something new, or loses something.
    fn keep(&mut self, which: usize) {
        let held = self.connections[which].session.len();
        if held > 0 && (held > 20 || self.random.one_in(3)) {
            let at = self.random.below(held);
            free(self.connections[which].session.swap_remove(at));
        } else {
            let large = self.random.one_in(10);
            let bytes = if large { self.random.below(100 << 10) } else { self.random.below(3000) };
            let layout = Layout::from_size_align(bytes + 1, 16).expect("16 is a power of two");
            let object = self.object(layout);
            self.connections[which].session.push(object);
        }
    }
}
