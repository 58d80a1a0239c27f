(* Runs a program, and tells what it took as the Rust side's Outcome. *)

external usage : (int[@untagged]) -> (int[@untagged]) = "strata_no_bytecode" "strata_usage"
  [@@noalloc]

external watch_turns : unit -> (int[@untagged]) = "strata_no_bytecode" "strata_watch_turns"
  [@@noalloc]

external longest_turn_ns : unit -> (int[@untagged])
  = "strata_no_bytecode" "strata_longest_turn_ns"
  [@@noalloc]

(* The processor time and the page faults of this process. *)
type usage = { user_ns : int; sys_ns : int; minor_faults : int }

let usage_now () = { user_ns = usage 0; sys_ns = usage 1; minor_faults = usage 2 }

(* The bytes behind a name at the start of a line, which has them in KiB. *)
let field path name =
  match open_in path with
  | exception Sys_error _ -> None
  | file ->
      let rec find () =
        match input_line file with
        | exception (End_of_file | Sys_error _) -> None
        | line -> (
            match Scanf.sscanf line "%[^:]: %d kB" (fun found kib -> (found, kib)) with
            | found, kib when found = name -> Some (kib * 1024)
            | _ -> find ()
            | exception (Scanf.Scan_failure _ | Failure _ | End_of_file) -> find ())
      in
      let found = find () in
      close_in file;
      found

(* Exact where the kernel tells it, else as its own counters have it. *)
let resident_bytes () =
  match field "/proc/self/smaps_rollup" "Rss" with
  | Some bytes -> bytes
  | None -> Option.value (field "/proc/self/status" "VmRSS") ~default:0

let peak_bytes () = Option.value (field "/proc/self/status" "VmHWM") ~default:0

let run program =
  let clock = Clock.make () in
  let cycles = (Gc.quick_stat ()).major_collections in
  ignore (watch_turns ());
  let before_bytes = resident_bytes () in
  let start_ns = Clock.now_ns () and before = usage_now () in
  let answer = program clock in
  let wall_ns = Clock.now_ns () - start_ns and after = usage_now () in
  let peak_bytes = max 0 (peak_bytes () - before_bytes) in
  let cycles = (Gc.quick_stat ()).major_collections - cycles in
  let sys_ns = after.sys_ns - before.sys_ns in
  let counts = Array.to_list (Array.map string_of_int clock.counts) in
  Printf.printf {|{"answer":%Lu,"wall_ns":%d,"cpu_ns":%d,"sys_ns":%d,"minor_faults":%d,|} answer
    wall_ns
    (after.user_ns - before.user_ns + sys_ns)
    sys_ns
    (after.minor_faults - before.minor_faults);
  Printf.printf {|"peak_bytes":%d,"steps":{"counts":[%s],"longest_ns":%d},|} peak_bytes
    (String.concat "," counts) clock.longest_ns;
  Printf.printf {|"own":{"cycles":%d,"longest_ns":%d}}|} cycles (longest_turn_ns ());
  print_newline ()
