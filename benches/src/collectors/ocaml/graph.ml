(* Much that lives, in rings of nodes, some of which is replaced all the time. *)

let ring_nodes = 16
let live_bytes = 1 lsl 30
let node_bytes = 64
let turnover = 2

(* A node has edges to the next node of its ring, the first one, and two that are rewired, and it
   holds four numbers. *)
type node =
  | Nil
  | Node of {
      mutable next : node;
      first : node;
      mutable third : node;
      mutable fourth : node;
      a : int;
      b : int;
      c : int;
      d : int;
    }

let node number next first =
  let a = number and b = number and c = number and d = number in
  Node { next; first; third = Nil; fourth = Nil; a; b; c; d }

let ring seed =
  let first = node seed Nil Nil in
  let next = ref first in
  for number = ring_nodes - 1 downto 1 do
    next := node (seed + number) !next first
  done;
  (match first with Node first -> first.next <- !next | Nil -> ());
  first

let rec walk node steps =
  match node with Node { next; _ } when steps > 0 -> walk next (steps - 1) | _ -> node

(* Points the third edge of a node at another one, and gives what that holds. *)
let rewire first from target =
  let target = walk first target in
  (match walk first from with Node node -> node.third <- target | Nil -> ());
  match target with Node { a; _ } -> a | Nil -> 0

(* Something to rewire: a node of a ring, and its target. *)
type wire = { mutable ring : int; mutable from : int; mutable target : int }

let rec sum_of_ring node left sum =
  match node with
  | Node { third = Node { d; _ }; next; _ } when left > 0 -> sum_of_ring next (left - 1) (sum + d)
  | Node { next; _ } when left > 0 -> sum_of_ring next (left - 1) sum
  | _ -> sum

let run scale clock =
  let count = max 16 (Scale.part scale live_bytes / node_bytes / ring_nodes) in
  let rings = Array.make count Nil in
  for n = 0 to count - 1 do
    rings.(n) <- ring n
  done;
  let random = Numbers.make 11 in
  let wires = Array.init 3 (fun _ -> { ring = 0; from = 0; target = 0 }) in
  let answer = ref 0 in
  for step = 0 to (count * turnover) - 1 do
    let replaced = Numbers.below random count in
    for n = 0 to 2 do
      let wire = wires.(n) in
      wire.ring <- Numbers.below random count;
      wire.from <- Numbers.below random ring_nodes;
      wire.target <- Numbers.below random ring_nodes
    done;
    let begin_ns = Clock.now_ns () in
    rings.(replaced) <- ring step;
    for n = 0 to 2 do
      let { ring; from; target } = wires.(n) in
      answer := !answer + rewire rings.(ring) from target
    done;
    Clock.step clock begin_ns
  done;
  let sum = Array.fold_left (fun sum first -> sum_of_ring first ring_nodes sum) !answer rings in
  Int64.of_int sum
