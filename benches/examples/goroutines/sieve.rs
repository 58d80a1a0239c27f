//! Step 1: a chain of tasks, one for each prime number, and a channel between two.
//!
//! ```text
//!   2 3 4 5 … ──▶ [ not by 2 ] ──▶ [ not by 3 ] ──▶ [ not by 5 ] ──▶ the next prime
//! ```
//!
//! The channels have no room: a number goes from stack to stack when both sides are there. Who comes first waits, which
//! costs a switch, not a thread. The old example of Hoare's *Communicating sequential processes* (1978), after McIlroy.

use benches::goroutines::{Channel, go};

/// The first so many prime numbers.
pub fn primes(count: usize) -> Vec<u64> {
    let numbers = Channel::new(0);
    let mut rest = numbers.clone();
    go(move || {
        // Until nobody wants more: the channel is closed.
        let _ = (2..).try_for_each(|number| numbers.send(number));
    });
    let mut primes = Vec::new();
    while primes.len() < count
        && let Some(prime) = rest.receive()
    {
        primes.push(prime);
        let (source, sieved) = (rest, Channel::new(0));
        rest = sieved.clone();
        go(move || {
            sift(&source, &sieved, prime);
            source.close();
        });
    }
    // The end goes up the chain from task to task.
    rest.close();
    primes
}

fn sift(source: &Channel<u64>, sieved: &Channel<u64>, prime: u64) {
    while let Some(number) = source.receive() {
        if number % prime != 0 && sieved.send(number).is_err() {
            return;
        }
    }
}
