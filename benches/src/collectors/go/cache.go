package main

const (
	cacheNodes      = 1_000_000
	cacheOperations = 20_000_000
	cacheStep       = 32
	// The Rust side keeps tables in pieces of so many entries, so that they have a multiple of it.
	piece = 1024
)

// entry is a node of the cache: in the list of uses, and in the chain of its key.
type entry struct {
	key, uses    uint64
	newer, older *entry
	chain        *entry
}

// cache forgets what was not used for longest.
type cache struct {
	chains         []*entry
	newest, oldest *entry
	count          int
	capacity       int
}

func newCache(capacity int) *cache {
	chains := (capacity + piece - 1) / piece * piece
	return &cache{chains: make([]*entry, chains), capacity: capacity}
}

func (c *cache) place(key uint64) int {
	return int(key*0x9e3779b97f4a7c15>>32) % len(c.chains)
}

func (c *cache) find(key uint64) *entry {
	node := c.chains[c.place(key)]
	for node != nil && node.key != key {
		node = node.chain
	}
	return node
}

// unlink takes a node out of the list of uses.
func (c *cache) unlink(node *entry) {
	if node.newer == nil {
		c.newest = node.older
	} else {
		node.newer.older = node.older
	}
	if node.older == nil {
		c.oldest = node.newer
	} else {
		node.older.newer = node.newer
	}
}

func (c *cache) push(node *entry) {
	node.newer, node.older = nil, c.newest
	if c.newest == nil {
		c.oldest = node
	} else {
		c.newest.newer = node
	}
	c.newest = node
}

func (c *cache) insert(key uint64) {
	if c.count == c.capacity {
		c.evict()
	}
	at := c.place(key)
	node := &entry{key: key, uses: 1, chain: c.chains[at]}
	c.chains[at] = node
	c.push(node)
	c.count++
}

// evict forgets the node that was not used for longest.
func (c *cache) evict() {
	last := c.oldest
	c.unlink(last)
	c.count--
	link := &c.chains[c.place(last.key)]
	for *link != last {
		link = &(*link).chain
	}
	*link = last.chain
}

// use says whether the key was there.
func (c *cache) use(key uint64) bool {
	node := c.find(key)
	if node == nil {
		c.insert(key)
		return false
	}
	node.uses++
	if node.newer != nil {
		c.unlink(node)
		c.push(node)
	}
	return true
}

func (c *cache) serve(keys []uint64) (hits uint64) {
	for _, key := range keys {
		if c.use(key) {
			hits++
		}
	}
	return hits
}

func lru(s scale, clock *clock) uint64 {
	nodes := s.of(cacheNodes)
	cache := newCache(nodes)
	random := newRandom(7)
	var keys [cacheStep]uint64
	answer := uint64(0)
	for range s.of(cacheOperations) / cacheStep {
		for n := range keys {
			end := nodes
			if random.below(5) == 0 {
				end = nodes * 4
			}
			keys[n] = uint64(random.below(end))
		}
		begin := clock.now()
		answer += cache.serve(keys[:])
		clock.step(begin)
	}
	for node := cache.newest; node != nil; node = node.older {
		answer += node.uses*3 + 5
	}
	return answer
}
