(* A cache that forgets what was not used for longest. *)

let cache_nodes = 1_000_000
let cache_operations = 20_000_000
let cache_step = 32

(* The Rust side keeps tables in pieces of so many entries, so that they have a multiple of it. *)
let piece = 1024

(* A node: in the list of uses, and in the chain of its key. *)
type node =
  | Nil
  | Node of {
      key : int;
      mutable uses : int;
      mutable newer : node;
      mutable older : node;
      mutable chain : node;
    }

type t = {
  chains : node array;
  mutable newest : node;
  mutable oldest : node;
  mutable count : int;
  capacity : int;
}

let make capacity =
  let chains = (capacity + piece - 1) / piece * piece in
  { chains = Array.make chains Nil; newest = Nil; oldest = Nil; count = 0; capacity }

let place cache key =
  let mixed = Int64.mul (Int64.of_int key) 0x9e3779b97f4a7c15L in
  Int64.to_int (Int64.shift_right_logical mixed 32) mod Array.length cache.chains

let rec find key node =
  match node with
  | Node { key = other; chain; _ } when other <> key -> find key chain
  | _ -> node

(* Takes a node out of the list of uses. *)
let unlink cache = function
  | Nil -> ()
  | Node { newer; older; _ } -> (
      (match newer with
      | Nil -> cache.newest <- older
      | Node newer -> newer.older <- older);
      match older with Nil -> cache.oldest <- newer | Node older -> older.newer <- newer)

(* Puts a node that is not in the list of uses at its front. *)
let push cache node =
  (match node with
  | Nil -> ()
  | Node node ->
      node.newer <- Nil;
      node.older <- cache.newest);
  (match cache.newest with Nil -> cache.oldest <- node | Node newest -> newest.newer <- node);
  cache.newest <- node

(* Takes [last] out of the chain behind [node]. *)
let rec unchain node last next =
  match node with
  | Node node when node.chain == last -> node.chain <- next
  | Node { chain; _ } -> unchain chain last next
  | Nil -> ()

(* Forgets the node that was not used for longest. *)
let evict cache =
  match cache.oldest with
  | Nil -> ()
  | Node { key; chain; _ } as last ->
      unlink cache last;
      cache.count <- cache.count - 1;
      let at = place cache key in
      if cache.chains.(at) == last then cache.chains.(at) <- chain
      else unchain cache.chains.(at) last chain

let insert cache key =
  if cache.count = cache.capacity then evict cache;
  let at = place cache key in
  let node = Node { key; uses = 1; newer = Nil; older = Nil; chain = cache.chains.(at) } in
  cache.chains.(at) <- node;
  push cache node;
  cache.count <- cache.count + 1

(* Whether the key was there. *)
let use cache key =
  match find key cache.chains.(place cache key) with
  | Nil ->
      insert cache key;
      false
  | Node node as found ->
      node.uses <- node.uses + 1;
      if node.newer != Nil then (
        unlink cache found;
        push cache found);
      true

let serve cache keys =
  let hits = ref 0 in
  for n = 0 to Array.length keys - 1 do
    if use cache keys.(n) then incr hits
  done;
  !hits

let rec sum node total =
  match node with Nil -> total | Node { uses; older; _ } -> sum older (total + (uses * 3) + 5)

let lru scale clock =
  let nodes = Scale.part scale cache_nodes in
  let cache = make nodes in
  let random = Numbers.make 7 in
  let keys = Array.make cache_step 0 in
  let hits = ref 0 in
  for _ = 1 to Scale.part scale cache_operations / cache_step do
    for n = 0 to cache_step - 1 do
      let limit = if Numbers.below random 5 = 0 then nodes * 4 else nodes in
      keys.(n) <- Numbers.below random limit
    done;
    let begin_ns = Clock.now_ns () in
    hits := !hits + serve cache keys;
    Clock.step clock begin_ns
  done;
  Int64.of_int (sum cache.newest !hits)
