package main

import (
	"runtime"
	"sync"
)

const (
	// words that a task asks for, where it does, and steps of its own work.
	words = 16
	steps = 16
)

// sink keeps the compiler from leaving the work out. Each goroutine's answer goes to a place of its own among these,
// so that threads take no cache lines from each other.
var sink [1 << 13]uint64

// kept makes memory that the compiler cannot put on the goroutine's stack.
//
//go:noinline
func kept() []uint64 { return make([]uint64, 0, words) }

// work is a few steps of a generator.
func work(number uint64) (all uint64) {
	state := number | 1
	for range steps {
		state ^= state << 13
		state ^= state >> 7
		state ^= state << 17
		all ^= state
	}
	return all
}

// workInWords keeps the steps in memory of its own.
func workInWords(number uint64) (all uint64) {
	list, state := kept(), number|1
	for range steps {
		state ^= state << 13
		state ^= state >> 7
		state ^= state << 17
		list = append(list, state)
	}
	for _, step := range list {
		all ^= step
	}
	return all
}

// storm starts so many goroutines in each round, and waits for them.
func storm(tasks, rounds uint64, inWords bool) outcome {
	return timed(tasks*rounds, func() uint64 {
		for range rounds {
			var group sync.WaitGroup
			for number := range tasks {
				group.Add(1)
				go func() {
					if inWords {
						sink[number%uint64(len(sink))] = workInWords(number)
					} else {
						sink[number%uint64(len(sink))] = work(number)
					}
					group.Done()
				}()
			}
			group.Wait()
		}
		return tasks * rounds
	})
}

// pingPong has pairs of goroutines: one sends a number, the other sends it back with one added.
func pingPong(pairs, turns uint64) outcome {
	return timed(pairs*turns, func() (sum uint64) {
		var group sync.WaitGroup
		sums := make(chan uint64, pairs)
		for range pairs {
			there, back := make(chan uint64), make(chan uint64)
			group.Add(2)
			go func() {
				for number := range there {
					back <- number + 1
				}
				group.Done()
			}()
			go func() {
				number := uint64(0)
				for range turns {
					there <- number
					number = <-back
				}
				close(there)
				sums <- number
				group.Done()
			}()
		}
		group.Wait()
		for range pairs {
			sum += <-sums
		}
		return sum
	})
}

// live has so many goroutines wait at a time, for the closing of a channel.
func live(tasks, _ uint64) outcome {
	before := residentBytes()
	answer := timed(tasks, func() uint64 {
		var group, begun sync.WaitGroup
		gate := make(chan struct{})
		for number := range tasks {
			group.Add(1)
			begun.Add(1)
			go func() {
				begun.Done()
				<-gate
				sink[number%uint64(len(sink))] = work(number)
				group.Done()
			}()
		}
		begun.Wait()
		runtime.Gosched()
		bytes := residentBytes() - before
		close(gate)
		group.Wait()
		return uint64(max(bytes, 0))
	})
	answer.TaskBytes = float64(answer.Answer) / float64(max(tasks, 1))
	answer.Answer = tasks
	return answer
}
