(* Times steps, into the slots of the Rust side's Histogram: each doubling in eight parts. *)

external now_ns : unit -> (int[@untagged]) = "strata_no_bytecode" "strata_now_ns" [@@noalloc]

external log2 : (int[@untagged]) -> (int[@untagged]) = "strata_no_bytecode" "strata_log2"
  [@@noalloc]

let part_bits = 3
let parts = 1 lsl part_bits
let slots = 64 * parts

type t = { counts : int array; mutable longest_ns : int }

let make () = { counts = Array.make slots 0; longest_ns = 0 }

let slot ns =
  if ns < parts then ns
  else
    let log = log2 ns in
    ((log - 2) * parts) + (ns lsr (log - part_bits)) - parts

(* Counts a step that began at a reading of [now_ns]. *)
let step clock begin_ns =
  let ns = now_ns () - begin_ns in
  let slot = slot ns in
  clock.counts.(slot) <- clock.counts.(slot) + 1;
  if ns > clock.longest_ns then clock.longest_ns <- ns
