(* binary-trees, as in the benchmarks game, and Boehm's GCBench. *)

let binary_depth = 21
let binary_least = 4
let gcbench_stretch = 18
let gcbench_kept = 16
let gcbench_numbers = 500_000
let nodes depth = (2 lsl depth) - 1

(* A node of binary-trees. *)
type bare = Nothing | Bare of bare * bare

let rec grow_bare depth =
  if depth = 0 then Bare (Nothing, Nothing)
  else Bare (grow_bare (depth - 1), grow_bare (depth - 1))

let rec count_bare = function
  | Nothing -> 0
  | Bare (left, right) -> 1 + count_bare left + count_bare right

let binary scale _ =
  let depth = Scale.depth scale binary_depth in
  let answer = ref (count_bare (grow_bare (depth + 1))) in
  let kept = grow_bare depth in
  let small = ref binary_least in
  while !small <= depth do
    for _ = 1 to 1 lsl (depth - !small + binary_least) do
      answer := !answer + count_bare (grow_bare !small)
    done;
    small := !small + 2
  done;
  Int64.of_int (!answer + count_bare kept)

(* A node of GCBench: it holds two numbers besides. *)
type numbered =
  | Empty
  | Numbered of { mutable left : numbered; mutable right : numbered; i : int; j : int }

let fresh () = Numbered { left = Empty; right = Empty; i = 0; j = 0 }

let rec grow depth =
  if depth = 0 then fresh ()
  else Numbered { left = grow (depth - 1); right = grow (depth - 1); i = 0; j = 0 }

(* Makes what is below a node, from the top down. *)
let rec populate node depth =
  match node with
  | Numbered node when depth > 0 ->
      node.left <- fresh ();
      node.right <- fresh ();
      populate node.left (depth - 1);
      populate node.right (depth - 1)
  | _ -> ()

let populated depth =
  let tree = fresh () in
  populate tree depth;
  tree

let rec count = function
  | Empty -> 0
  | Numbered { left; right; _ } -> 1 + count left + count right

let count_numbers numbers =
  Array.fold_left (fun count number -> if number <> 0. then count + 1 else count) 0 numbers

let gcbench scale _ =
  let stretch = Scale.depth scale gcbench_stretch in
  let depth_kept = Scale.depth scale gcbench_kept in
  let answer = ref (count (grow stretch)) in
  let kept = populated depth_kept in
  let numbers =
    Array.init (Scale.part scale gcbench_numbers) (fun n -> 1. /. float_of_int (n + 1))
  in
  let depth = ref 4 in
  while !depth <= depth_kept do
    let times = 2 * nodes stretch / nodes !depth in
    for _ = 1 to times do
      answer := !answer + count (populated !depth)
    done;
    for _ = 1 to times do
      answer := !answer + count (grow !depth)
    done;
    depth := !depth + 2
  done;
  Int64.of_int (!answer + count_numbers numbers + count kept)
