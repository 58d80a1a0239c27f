(* The numbers of benches/src/memory/random.rs.

   The state is eight bytes, since a mutable field of 64 bits would be a box, made anew each time. *)

external get : bytes -> int -> int64 = "%caml_bytes_get64u"
external set : bytes -> int -> int64 -> unit = "%caml_bytes_set64u"

type t = bytes

let mix bits = Int64.logxor bits (Int64.shift_right_logical bits 32)

(* A number below [limit], which is neither 0 nor above 2^30. *)
let below (state : t) limit =
  let next =
    Int64.add (Int64.mul (get state 0) 0x5851f42d4c957f2dL) 0x14057b7ef767814fL
  in
  set state 0 next;
  let mixed = mix (Int64.mul (mix next) 0xd6e8feb86659fd93L) in
  (* The upper half of the product with [limit], from products that fit into an integer. *)
  let high = Int64.to_int (Int64.shift_right_logical mixed 32) in
  let low = Int64.to_int mixed land 0xffff_ffff in
  ((high * limit) + ((low * limit) lsr 32)) lsr 32

let make seed : t =
  let state = Bytes.create 8 in
  set state 0 (Int64.logor (Int64.mul (Int64.of_int seed) 0x9e3779b97f4a7c15L) 1L);
  ignore (below state 1);
  ignore (below state 1);
  state
