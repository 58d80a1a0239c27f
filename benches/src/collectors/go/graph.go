package main

const (
	ringNodes     = 16
	ringEdges     = 4
	liveBytes     = 1 << 30
	ringNodeBytes = 64
	turnover      = 2
)

// ringNode has edges to the next node of its ring, the first one, and two that are rewired.
type ringNode struct {
	edges   [ringEdges]*ringNode
	numbers [4]uint64
}

func newRing(seed uint64) *ringNode {
	first := newRingNode(seed, nil, nil)
	next := first
	for number := uint64(ringNodes - 1); number > 0; number-- {
		next = newRingNode(seed+number, next, first)
	}
	first.edges[0] = next
	return first
}

func newRingNode(number uint64, next, first *ringNode) *ringNode {
	return &ringNode{
		edges:   [ringEdges]*ringNode{next, first},
		numbers: [4]uint64{number, number, number, number},
	}
}

func (n *ringNode) walk(steps int) *ringNode {
	for range steps {
		n = n.edges[0]
	}
	return n
}

// rewire points the third edge of a node at another one, and gives what that holds.
func (n *ringNode) rewire(from, to int) uint64 {
	target := n.walk(to)
	n.walk(from).edges[2] = target
	return target.numbers[0]
}

// wire is something to rewire: a node of a ring, and its target.
type wire struct {
	ring, from, to int
}

func graph(s scale, clock *clock) uint64 {
	count := max(16, s.of(liveBytes)/ringNodeBytes/ringNodes)
	rings := make([]*ringNode, count)
	for n := range rings {
		rings[n] = newRing(uint64(n))
	}
	random := newRandom(11)
	answer := uint64(0)
	for step := range count * turnover {
		ring := random.below(count)
		var wires [3]wire
		for n := range wires {
			// In this order.
			wires[n].ring = random.below(count)
			wires[n].from = random.below(ringNodes)
			wires[n].to = random.below(ringNodes)
		}
		begin := clock.now()
		rings[ring] = newRing(uint64(step))
		for _, wire := range wires {
			answer += rings[wire.ring].rewire(wire.from, wire.to)
		}
		clock.step(begin)
	}
	return answer + sumOfTargets(rings)
}

func sumOfTargets(rings []*ringNode) (sum uint64) {
	for _, node := range rings {
		for range ringNodes {
			if target := node.edges[2]; target != nil {
				sum += target.numbers[3]
			}
			node = node.edges[0]
		}
	}
	return sum
}
