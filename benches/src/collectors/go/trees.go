package main

import "math/bits"

const (
	binaryDepth    = 21
	binaryLeast    = 4
	gcBenchStretch = 18
	gcBenchKept    = 16
	gcBenchNumbers = 500_000
)

// depth is that of a tree with about the scale's part of the nodes of one of depth whole.
func (s scale) depth(whole int) int {
	return max(6, whole-min(whole, bits.Len(uint(100/int(s)))-1))
}

func nodes(depth int) uint64 {
	return 2<<depth - 1
}

// bare is a node of binary-trees.
type bare struct {
	left, right *bare
}

func growBare(depth int) *bare {
	if depth == 0 {
		return &bare{}
	}
	return &bare{growBare(depth - 1), growBare(depth - 1)}
}

func (n *bare) count() uint64 {
	if n == nil {
		return 0
	}
	return 1 + n.left.count() + n.right.count()
}

func binaryTrees(s scale, _ *clock) uint64 {
	depth := s.depth(binaryDepth)
	answer := growBare(depth + 1).count()
	kept := growBare(depth)
	for small := binaryLeast; small <= depth; small += 2 {
		for range 1 << (depth - small + binaryLeast) {
			answer += growBare(small).count()
		}
	}
	return answer + kept.count()
}

// numbered is a node of GCBench: it holds two numbers besides.
type numbered struct {
	left, right *numbered
	i, j        int64
}

func growNumbered(depth int) *numbered {
	if depth == 0 {
		return &numbered{}
	}
	return &numbered{left: growNumbered(depth - 1), right: growNumbered(depth - 1)}
}

// populate makes what is below a node, from the top down.
func (n *numbered) populate(depth int) {
	if depth > 0 {
		n.left, n.right = &numbered{}, &numbered{}
		n.left.populate(depth - 1)
		n.right.populate(depth - 1)
	}
}

func (n *numbered) count() uint64 {
	if n == nil {
		return 0
	}
	return 1 + n.left.count() + n.right.count()
}

func gcBench(s scale, _ *clock) uint64 {
	stretch, depthKept := s.depth(gcBenchStretch), s.depth(gcBenchKept)
	answer := growNumbered(stretch).count()
	kept := &numbered{}
	kept.populate(depthKept)
	numbers := make([]float64, s.of(gcBenchNumbers))
	for n := range numbers {
		numbers[n] = 1 / float64(n+1)
	}
	for depth := 4; depth <= depthKept; depth += 2 {
		times := 2 * nodes(stretch) / nodes(depth)
		for range times {
			tree := &numbered{}
			tree.populate(depth)
			answer += tree.count()
		}
		for range times {
			answer += growNumbered(depth).count()
		}
	}
	for _, number := range numbers {
		if number != 0 {
			answer++
		}
	}
	return answer + kept.count()
}
