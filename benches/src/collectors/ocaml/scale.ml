(* How much of its work a program does, in hundredths. *)

type t = int

let part scale whole = max 1 (whole * scale / 100)

let rec log2 n = if n < 2 then 0 else 1 + log2 (n / 2)

(* The depth of a tree with about the scale's part of the nodes of one of depth [whole]. *)
let depth scale whole = max 6 (whole - min whole (log2 (100 / scale)))
