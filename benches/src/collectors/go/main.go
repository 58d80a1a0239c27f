// The programs of `collectors` in Go, as a process that answers with a line of JSON.
//
// Above: the Rust side (outside.rs), which builds it with the script `build`, starts it with a program's
// name and a scale in hundredths, and compares its answer with that of the others. In trees.go,
// cache.go, graph.go, text.go: the programs, step by step those of the Rust files of the same names
// one folder up, on Go's own heap. In clock.go, measure.go, random.go: what they need.
//
// Go's settings are its defaults.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"time"
)

var programs = map[string]func(scale, *clock) uint64{
	"binary-trees": binaryTrees,
	"gcbench":      gcBench,
	"lru":          lru,
	"graph":        graph,
	"text":         text,
}

func main() {
	if len(os.Args) != 3 {
		fail("usage: PROGRAM PERCENT")
	}
	program, known := programs[os.Args[1]]
	percent, err := strconv.Atoi(os.Args[2])
	if !known || err != nil || percent < 1 {
		fail("there is no such program or scale")
	}
	answer := measure(func(clock *clock) uint64 { return program(scale(percent), clock) })
	if err := json.NewEncoder(os.Stdout).Encode(answer); err != nil {
		fail(err.Error())
	}
}

func fail(why string) {
	fmt.Fprintln(os.Stderr, why)
	os.Exit(2)
}

// outcome has the fields of the Rust side's Outcome.
type outcome struct {
	Answer      uint64    `json:"answer"`
	WallNs      int64     `json:"wall_ns"`
	CPUNs       int64     `json:"cpu_ns"`
	SysNs       int64     `json:"sys_ns"`
	MinorFaults int64     `json:"minor_faults"`
	PeakBytes   int64     `json:"peak_bytes"`
	Steps       histogram `json:"steps"`
	Own         own       `json:"own"`
}

func measure(program func(*clock) uint64) outcome {
	clock := newClock()
	beforeBytes := residentBytes()
	start, before := time.Now(), usageNow()
	answer := program(clock)
	wall, after := time.Since(start), usageNow()
	return outcome{
		Answer:      answer,
		WallNs:      wall.Nanoseconds(),
		CPUNs:       after.cpuNs - before.cpuNs,
		SysNs:       after.sysNs - before.sysNs,
		MinorFaults: after.minorFaults - before.minorFaults,
		PeakBytes:   max(0, peakBytes()-beforeBytes),
		Steps:       clock.steps,
		Own:         ownNow(),
	}
}

// scale says how much of its work a program does, in hundredths.
type scale int

func (s scale) of(whole int) int {
	return max(1, whole*int(s)/100)
}
