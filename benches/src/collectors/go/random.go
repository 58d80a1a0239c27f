package main

import "math/bits"

// random gives the numbers of benches/src/memory/random.rs.
type random uint64

func newRandom(seed uint64) *random {
	r := random(seed*0x9e3779b97f4a7c15 | 1)
	r.next()
	r.next()
	return &r
}

func (r *random) next() uint64 {
	*r = *r*0x5851f42d4c957f2d + 0x14057b7ef767814f
	mixed := uint64(*r^*r>>32) * 0xd6e8feb86659fd93
	return mixed ^ mixed>>32
}

// below gives a number below end, which is not 0.
func (r *random) below(end int) int {
	high, _ := bits.Mul64(r.next(), uint64(end))
	return int(high)
}
