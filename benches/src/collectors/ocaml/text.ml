(* Strings, as an interpreter has them: immutable, joined and cut all the time. *)

let text_count = 100_000
let text_steps = 8_000_000
let longest_bytes = 400
let batch_steps = 32
let words = [| "span"; "slot"; "arena"; "bitmap"; "root"; "mutator"; "page"; "claim" |]

type action = Spell | Join | Cut

(* Something to do with the strings of a table: put what [left] spells at [target], or the strings of
   two entries, or half of one. *)
type step = {
  mutable action : action;
  mutable target : int;
  mutable left : int;
  mutable right : int;
}

let spelled scratch number =
  Buffer.clear scratch;
  let rest = ref number in
  while !rest > 0 do
    Buffer.add_string scratch words.(!rest land 7);
    Buffer.add_char scratch ' ';
    rest := !rest lsr 3
  done;
  Buffer.add_string scratch (string_of_int number);
  Buffer.contents scratch

let first_half text = String.sub text 0 (String.length text / 2)

let second_half text =
  let from = String.length text / 2 in
  String.sub text from (String.length text - from)

(* Makes a new string. *)
let build texts scratch { action; left; right; _ } =
  match action with
  | Spell -> spelled scratch left
  | Join ->
      let left = texts.(left) and right = texts.(right) in
      if String.length left + String.length right <= longest_bytes then left ^ right
      else first_half left
  | Cut -> second_half texts.(left)

let weight text =
  let sum = ref (Int64.of_int (String.length text)) in
  for n = 0 to String.length text - 1 do
    sum := Int64.add (Int64.mul !sum 31L) (Int64.of_int (Char.code text.[n]))
  done;
  !sum

let fill step random count =
  step.target <- Numbers.below random count;
  match Numbers.below random 8 with
  | 0 | 1 | 2 ->
      step.action <- Spell;
      step.left <- Numbers.below random (1 lsl 20)
  | 3 | 4 | 5 ->
      step.action <- Join;
      step.left <- Numbers.below random count;
      step.right <- Numbers.below random count
  | _ ->
      step.action <- Cut;
      step.left <- Numbers.below random count

let run scale clock =
  let count = Scale.part scale text_count in
  let texts = Array.make count "" in
  let random = Numbers.make 3 in
  let scratch = Buffer.create (2 * longest_bytes) in
  let batch =
    Array.init batch_steps (fun _ -> { action = Spell; target = 0; left = 0; right = 0 })
  in
  for _ = 1 to Scale.part scale text_steps / batch_steps do
    Array.iter (fun step -> fill step random count) batch;
    let begin_ns = Clock.now_ns () in
    for n = 0 to batch_steps - 1 do
      let step = batch.(n) in
      texts.(step.target) <- build texts scratch step
    done;
    Clock.step clock begin_ns
  done;
  Array.fold_left (fun sum text -> Int64.add sum (weight text)) 0L texts
