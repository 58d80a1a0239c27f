package main

import (
	"math/bits"
	"time"
)

// The slots of the Rust side's Histogram: each doubling in eight parts.
const (
	partBits = 3
	parts    = 1 << partBits
	slots    = 64 * parts
)

type histogram struct {
	Counts    []uint64 `json:"counts"`
	LongestNs uint64   `json:"longest_ns"`
}

func (h *histogram) add(ns uint64) {
	h.Counts[slot(ns)]++
	h.LongestNs = max(h.LongestNs, ns)
}

func slot(ns uint64) int {
	if ns < parts {
		return int(ns)
	}
	log := bits.Len64(ns) - 1
	part := int(ns>>(log-partBits)) - parts
	return (log-2)*parts + part
}

// clock times steps.
type clock struct {
	steps histogram
	start time.Time
}

func newClock() *clock {
	return &clock{histogram{Counts: make([]uint64, slots)}, time.Now()}
}

// now is the time since the clock was made: a reading of the monotonic clock alone.
func (c *clock) now() time.Duration {
	return time.Since(c.start)
}

// step counts one that began at a reading of now.
func (c *clock) step(begin time.Duration) {
	c.steps.add(uint64(c.now() - begin))
}
