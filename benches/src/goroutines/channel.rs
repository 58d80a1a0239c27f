//! Channels: values go from task to task, in order; who cannot go on waits, and no thread does.
//!
//! Above: tasks. Below: gates and waiters (`wait.rs`).
//!
//! With room for no value, sender and receiver meet: the value goes from one stack to the other.

use super::wait::{Gate, Waiter, Waiters, ready};
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

/// A channel; a clone is another hand on the same one. Any number of tasks may send and receive.
///
/// Only tasks may call it: see [`run`](super::run).
pub struct Channel<T>(Arc<Gate<State<T>>>);

struct State<T> {
    room: usize,
    values: VecDeque<T>,
    senders: Waiters<T>,
    receivers: Waiters<T>,
    is_closed: bool,
}

/// The value that was not sent: the channel is closed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Closed<T>(pub T);

impl<T: Send> Channel<T> {
    /// A channel with room for so many values that nobody has received; for none, who sends waits for who receives.
    #[must_use]
    pub fn new(room: usize) -> Self {
        let (values, senders, receivers) = (VecDeque::new(), Waiters::new(), Waiters::new());
        Self(Arc::new(Gate::new(State { room, values, senders, receivers, is_closed: false })))
    }

    /// Sends a value; waits while there is neither room nor a receiver.
    ///
    /// # Errors
    ///
    /// Gives the value back if the channel is closed, or is while this waits.
    #[inline]
    pub fn send(&self, value: T) -> Result<(), Closed<T>> {
        let mut entered = self.0.enter();
        let state = entered.value();
        if state.is_closed {
            return Err(Closed(value));
        }
        let value = match state.receivers.hand_over(value) {
            Ok(task) => {
                drop(entered);
                ready(task);
                return Ok(());
            }
            Err(value) => value,
        };
        if state.values.len() < state.room {
            state.values.push_back(value);
            return Ok(());
        }
        let waiter = Waiter::new(Some(value));
        entered.wait(&waiter, |state| &mut state.senders);
        waiter.value.take().map_or(Ok(()), |value| Err(Closed(value)))
    }

    /// Receives the value that was sent first; waits while there is none. `None`: the channel is closed, and empty.
    #[inline]
    pub fn receive(&self) -> Option<T> {
        let mut entered = self.0.enter();
        let state = entered.value();
        let kept = state.values.pop_front();
        if let Some((task, sent)) = state.senders.pop(|value| value.take()) {
            // It has waited for this room, or for a receiver.
            let value = match kept {
                Some(first) => {
                    state.values.extend(sent);
                    Some(first)
                }
                None => sent,
            };
            drop(entered);
            ready(task);
            return value;
        }
        if kept.is_some() || state.is_closed {
            return kept;
        }
        let waiter = Waiter::new(None);
        entered.wait(&waiter, |state| &mut state.receivers);
        waiter.value.take()
    }

    /// Closes it: nothing can be sent any more. What is in it can be received; who waits goes on.
    pub fn close(&self) {
        self.0.enter().value().is_closed = true;
        // Nobody begins to wait any more. The lock is not held while a task is made ready.
        while let Some(task) = self.release_one() {
            ready(task);
        }
    }

    fn release_one(&self) -> Option<super::task::Task> {
        let mut entered = self.0.enter();
        let state = entered.value();
        let waiting = state.receivers.pop(|_| ()).or_else(|| state.senders.pop(|_| ()));
        waiting.map(|(task, ())| task)
    }
}

impl<T> Waiters<T> {
    /// Gives the value to a receiver that waits, if there is one.
    #[inline]
    fn hand_over(&mut self, value: T) -> Result<super::task::Task, T> {
        let mut value = Some(value);
        match self.pop(|place| place.set(value.take())) {
            Some((task, ())) => Ok(task),
            None => value.map_or_else(|| unreachable!("nobody took it"), Err),
        }
    }
}

impl<T> Clone for Channel<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> fmt::Debug for Channel<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Closed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the channel is closed")
    }
}
