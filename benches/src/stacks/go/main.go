// The programs of `goroutines` in Go, as a process that answers with a line of JSON.
//
// Above: the Rust side (benches/src/goroutines), whose programs.rs has the same programs step by step; it starts
// this one with a program's name and numbers, and says in GOMAXPROCS how many threads run goroutines.
// In programs.go: the programs. In measure.go: what the system says of this process.
//
// Go's other settings are its defaults.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"time"
)

// outcome has the fields of the Rust side's Outcome.
type outcome struct {
	Answer     uint64  `json:"answer"`
	Operations uint64  `json:"operations"`
	WallNs     int64   `json:"wall_ns"`
	CPUNs      int64   `json:"cpu_ns"`
	TaskBytes  float64 `json:"task_bytes"`
}

var programs = map[string]func(first, second uint64) outcome{
	"storm":       func(tasks, rounds uint64) outcome { return storm(tasks, rounds, false) },
	"storm-words": func(tasks, rounds uint64) outcome { return storm(tasks, rounds, true) },
	"ping-pong":   pingPong,
	"live":        live,
}

func main() {
	if len(os.Args) != 4 {
		fail("usage: PROGRAM NUMBER NUMBER")
	}
	program, known := programs[os.Args[1]]
	first, err := strconv.ParseUint(os.Args[2], 10, 64)
	second, err2 := strconv.ParseUint(os.Args[3], 10, 64)
	if !known || err != nil || err2 != nil {
		fail("there is no such program, or these are no numbers")
	}
	if err := json.NewEncoder(os.Stdout).Encode(program(first, second)); err != nil {
		fail(err.Error())
	}
}

func fail(why string) {
	fmt.Fprintln(os.Stderr, why)
	os.Exit(2)
}

// timed runs a program, and says what it took.
func timed(operations uint64, program func() uint64) outcome {
	before, start := cpuNs(), time.Now()
	answer := program()
	wall := time.Since(start).Nanoseconds()
	return outcome{answer, operations, wall, cpuNs() - before, 0}
}
