// Its thread would look into the cell while another changes it.
use std::cell::Cell;

fn main() {
    let _ = rc_cycle::sync::Cc::new(Cell::new(1));
}
