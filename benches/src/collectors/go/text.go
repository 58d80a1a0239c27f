package main

import (
	"strconv"
	"strings"
)

const (
	textCount        = 100_000
	textSteps        = 8_000_000
	textLongestBytes = 400
	textBatch        = 32
)

var words = [8]string{"span", "slot", "arena", "bitmap", "root", "mutator", "page", "claim"}

const (
	spell = iota
	join
	cut
)

// textStep is something to do with the strings of a table: put what left spells at to, or the strings
// of two entries, or half of one.
type textStep struct {
	do, to, left, right int
}

// build makes a new string. What is cut off is cloned, as Go's documentation of Clone has it: a
// small piece would hold the whole string alive.
func (s textStep) build(texts []string, scratch *[]byte) string {
	switch s.do {
	case spell:
		*scratch = spelled((*scratch)[:0], uint64(s.left))
		return string(*scratch)
	case join:
		left, right := texts[s.left], texts[s.right]
		if len(left)+len(right) <= textLongestBytes {
			return left + right
		}
		return strings.Clone(left[:len(left)/2])
	default:
		text := texts[s.left]
		return strings.Clone(text[len(text)/2:])
	}
}

func spelled(scratch []byte, number uint64) []byte {
	for rest := number; rest > 0; rest /= 8 {
		scratch = append(scratch, words[rest%8]...)
		scratch = append(scratch, ' ')
	}
	return strconv.AppendUint(scratch, number, 10)
}

func weight(text string) uint64 {
	sum := uint64(len(text))
	for n := range len(text) {
		sum = sum*31 + uint64(text[n])
	}
	return sum
}

func text(s scale, clock *clock) uint64 {
	count := s.of(textCount)
	texts := make([]string, count)
	random := newRandom(3)
	scratch := make([]byte, 0, 2*textLongestBytes)
	var batch [textBatch]textStep
	for range s.of(textSteps) / textBatch {
		for n := range batch {
			batch[n] = nextStep(random, count)
		}
		begin := clock.now()
		for _, step := range batch {
			texts[step.to] = step.build(texts, &scratch)
		}
		clock.step(begin)
	}
	sum := uint64(0)
	for _, text := range texts {
		sum += weight(text)
	}
	return sum
}

func nextStep(random *random, count int) textStep {
	step := textStep{to: random.below(count)}
	switch do := random.below(8); {
	case do < 3:
		step.do, step.left = spell, random.below(1<<20)
	case do < 6:
		// In this order.
		step.do, step.left = join, random.below(count)
		step.right = random.below(count)
	default:
		step.do, step.left = cut, random.below(count)
	}
	return step
}
