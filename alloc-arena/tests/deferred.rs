//! Deferred calls: they are made once, the last one first, whichever way their frame is left, unless they are cancelled.

#[path = "common/panics.rs"]
mod panics;

use panics::{panics, stack};
use std::cell::{Cell, RefCell};

#[test]
fn deferred_calls_run_last_first() {
    let log = RefCell::new(std::vec::Vec::new());
    let mut memory = stack(4 << 10);
    let result = memory.frame(|frame| {
        let (text, log) = (frame.alloc_str("values are still there"), &log);
        frame.defer(move || log.borrow_mut().push(text.to_string()));
        for n in 0..3 {
            frame.defer(move || log.borrow_mut().push(n.to_string()));
        }
        frame.frame(|inner| {
            inner.defer(|| log.borrow_mut().push("inner".into()));
        });
        log.borrow_mut().push("body".into());
        1
    });
    assert_eq!(result, 1);
    assert_eq!(log.into_inner(), ["inner", "body", "2", "1", "0", "values are still there"]);
    assert_eq!(memory.used_bytes(), 0);
}

/// An early return, by `?`, is an end like any other.
#[test]
fn deferred_calls_run_on_early_return() {
    let closed = Cell::new(false);
    let result = stack(1 << 10).frame(|frame| -> Result<u8, std::num::ParseIntError> {
        frame.defer(|| closed.set(true));
        let number: u8 = "not a number".parse()?;
        Ok(number)
    });
    assert!(result.is_err() && closed.get());
}

#[test]
fn deferred_calls_run_on_panic() {
    let ran = Cell::new(0);
    let mut memory = stack(4 << 10);
    let message = panics(|| {
        memory.frame(|frame| {
            frame.defer(|| ran.set(ran.get() + 1));
            frame.frame(|inner| {
                inner.defer(|| ran.set(ran.get() + 10));
                // Neither keeps the others from running, nor takes the place of the body's.
                inner.defer(|| panic!("first deferred"));
                inner.defer(|| std::panic::panic_any(Bomb));
                inner.alloc([0_u8; 1000]);
                panic!("the body's");
            })
        })
    });
    assert_eq!((message.as_str(), ran.get(), memory.used_bytes()), ("the body's", 11, 0));
    memory.frame(|frame| assert_eq!(frame.alloc(5), &5));
}

/// A payload that panics when it is dropped.
struct Bomb;
impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("a payload's");
    }
}

#[test]
fn deferred_calls_that_panic_let_the_others_run() {
    let ran = Cell::new(0);
    let mut memory = stack(4 << 10);
    let message = panics(|| {
        memory.frame(|frame| {
            for n in 0..5 {
                frame.defer(|| ran.set(ran.get() + 1));
                frame.defer(move || {
                    std::panic::panic_any(["zero", "one", "two", "three", "four"][n])
                });
            }
        })
    });
    assert_eq!((message.as_str(), ran.get(), memory.used_bytes()), ("four", 5, 0));
}

/// A frame within a destructor, while another panic is under way.
#[test]
fn deferred_calls_panic_within_a_destructor() {
    struct Cleans<'c>(&'c Cell<u32>);
    impl Drop for Cleans<'_> {
        fn drop(&mut self) {
            let caught = panics(|| {
                stack(1 << 10).frame(|frame| {
                    frame.defer(|| self.0.set(self.0.get() + 1));
                    frame.defer(|| panic!("inner"));
                })
            });
            assert_eq!(caught, "inner");
        }
    }
    let ran = Cell::new(0);
    let message = panics(|| {
        let _cleans = Cleans(&ran);
        panic!("outer")
    });
    assert_eq!((message.as_str(), ran.get()), ("outer", 1));
}

#[test]
fn deferred_calls_are_cancelled_once() {
    let ran = Cell::new(0);
    let held = std::rc::Rc::new(());
    stack(4 << 10).frame(|frame| {
        let (mine, ran) = (held.clone(), &ran);
        let first = frame.defer(move || {
            let _mine = mine;
            ran.set(ran.get() + 100);
        });
        frame.defer(|| ran.set(ran.get() + 1));
        assert_eq!(format!("{frame:?}"), "Frame { deferred: 2, left_bytes: 4040 }");
        let call = frame.defer_cancel(first).unwrap();
        assert_eq!(std::rc::Rc::strong_count(&held), 2);
        drop(call);
        assert_eq!(std::rc::Rc::strong_count(&held), 1);
    });
    assert_eq!(ran.get(), 1);
}

/// A call that comes later cancels one that was to follow it; one that has been made cannot be cancelled.
#[test]
fn deferred_calls_cancel_each_other() {
    type Cancel<'f> = std::boxed::Box<dyn FnOnce() -> bool + 'f>;
    let log = RefCell::new(std::vec::Vec::new());
    stack(4 << 10).frame(|frame| {
        let seen: &Cell<Option<Cancel<'_>>> = frame.alloc(Cell::new(None));
        let log = &log;
        let never = frame.defer(|| log.borrow_mut().push("never"));
        frame.defer(move || {
            let too_late = seen.take().is_some_and(|cancel| !cancel());
            log.borrow_mut().push(if too_late { "too late" } else { "?" });
        });
        frame.defer(move || assert!(never.cancel().is_some()));
        let made = frame.defer(|| log.borrow_mut().push("made"));
        seen.set(Some(std::boxed::Box::new(move || made.cancel().is_some())));
    });
    assert_eq!(log.into_inner(), ["made", "too late"]);
}

/// A call for which there is no room is given back, or made at once: it is not lost.
#[test]
fn deferred_calls_without_room() {
    let ran = Cell::new(0);
    let mut memory = stack(64);
    memory.frame(|frame| {
        frame.alloc([0_u8; 56]);
        let error = frame.try_defer(|| ran.set(ran.get() + 1)).unwrap_err();
        assert_eq!(error.to_string(), "no memory in the frame for a deferred call");
        error.into_inner()();
    });
    assert_eq!(ran.get(), 1);
    assert!(
        panics(|| memory.frame(|frame| {
            frame.alloc([0_u8; 56]);
            frame.defer(|| ran.set(ran.get() + 1));
        }))
        .contains("no more memory")
    );
    assert_eq!((ran.get(), memory.used_bytes()), (2, 0));
}
