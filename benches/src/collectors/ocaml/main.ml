(* The programs of `collectors` in OCaml, as a process that answers with a line of JSON.

   Above: the Rust side (outside.rs), which builds it with the script `build`, starts it with a
   program's name and a scale in hundredths, and compares its answer with that of the others. In
   trees.ml, cache.ml, graph.ml, text.ml: the programs, step by step those of the Rust files of the
   same names one folder up, on OCaml's own heap. In clock.ml, measure.ml, numbers.ml, scale.ml: what
   they need; in stubs.c: what the standard library does not tell.

   The collector's settings are its defaults, or those that the environment has. *)

let programs =
  [
    ("binary-trees", Trees.binary);
    ("gcbench", Trees.gcbench);
    ("lru", Cache.lru);
    ("graph", Graph.run);
    ("text", Text.run);
  ]

let fail why =
  prerr_endline why;
  exit 2

let () =
  match Sys.argv with
  | [| _; name; percent |] -> (
      match (List.assoc_opt name programs, int_of_string_opt percent) with
      | Some program, Some percent when percent >= 1 -> Measure.run (program percent)
      | _ -> fail "there is no such program or scale")
  | _ -> fail "usage: PROGRAM PERCENT"
