/** A cache that forgets what was not used for longest. */
final class Cache {
    private static final int NODES = 1_000_000;
    private static final int OPERATIONS = 20_000_000;
    private static final int STEP = 32;

    /** The Rust side keeps tables in pieces of so many entries, so that they have a multiple of it. */
    private static final int PIECE = 1024;

    /** A node: in the list of uses, and in the chain of its key. */
    private static final class Node {
        final long key;
        long uses = 1;
        Node newer;
        Node older;
        Node chain;

        Node(long key, Node chain) {
            this.key = key;
            this.chain = chain;
        }
    }

    private final Node[] chains;
    private final int capacity;
    private Node newest;
    private Node oldest;
    private int count;

    private Cache(int capacity) {
        this.capacity = capacity;
        chains = new Node[(capacity + PIECE - 1) / PIECE * PIECE];
    }

    private int place(long key) {
        return (int) ((key * 0x9e3779b97f4a7c15L >>> 32) % chains.length);
    }

    private Node find(long key) {
        Node node = chains[place(key)];
        while (node != null && node.key != key) {
            node = node.chain;
        }
        return node;
    }

    /** Takes a node out of the list of uses. */
    private void unlink(Node node) {
        if (node.newer == null) {
            newest = node.older;
        } else {
            node.newer.older = node.older;
        }
        if (node.older == null) {
            oldest = node.newer;
        } else {
            node.older.newer = node.newer;
        }
    }

    private void push(Node node) {
        node.newer = null;
        node.older = newest;
        if (newest == null) {
            oldest = node;
        } else {
            newest.newer = node;
        }
        newest = node;
    }

    private void insert(long key) {
        if (count == capacity) {
            evict();
        }
        int at = place(key);
        Node node = new Node(key, chains[at]);
        chains[at] = node;
        push(node);
        count++;
    }

    /** Forgets the node that was not used for longest. */
    private void evict() {
        Node last = oldest;
        unlink(last);
        count--;
        int at = place(last.key);
        if (chains[at] == last) {
            chains[at] = last.chain;
            return;
        }
        Node node = chains[at];
        while (node.chain != last) {
            node = node.chain;
        }
        node.chain = last.chain;
    }

    /** Says whether the key was there. */
    private boolean use(long key) {
        Node node = find(key);
        if (node == null) {
            insert(key);
            return false;
        }
        node.uses++;
        if (node.newer != null) {
            unlink(node);
            push(node);
        }
        return true;
    }

    private long serve(long[] keys) {
        long hits = 0;
        for (long key : keys) {
            if (use(key)) {
                hits++;
            }
        }
        return hits;
    }

    static long lru(Scale scale, Clock clock) {
        int nodes = scale.of(NODES);
        Cache cache = new Cache(nodes);
        Numbers random = new Numbers(7);
        long[] keys = new long[STEP];
        long answer = 0;
        for (int steps = scale.of(OPERATIONS) / STEP; steps > 0; steps--) {
            for (int n = 0; n < STEP; n++) {
                int end = random.below(5) == 0 ? nodes * 4 : nodes;
                keys[n] = random.below(end);
            }
            long beginNs = System.nanoTime();
            answer += cache.serve(keys);
            clock.step(beginNs);
        }
        for (Node node = cache.newest; node != null; node = node.older) {
            answer += node.uses * 3 + 5;
        }
        return answer;
    }
}
