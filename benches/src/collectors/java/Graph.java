/** Much that lives, in rings of nodes, some of which is replaced all the time. */
final class Graph {
    private static final int RING = 16;
    private static final int LIVE_BYTES = 1 << 30;
    private static final int NODE_BYTES = 64;
    private static final int TURNOVER = 2;

    private Graph() {}

    /**
     * A node has edges to the next node of its ring, the first one, and two that are rewired, and it holds
     * four numbers. They are fields, since an array would be an object of its own.
     */
    private static final class Node {
        Node next;
        Node first;
        Node third;
        Node fourth;
        final long a;
        final long b;
        final long c;
        final long d;

        Node(long number, Node next, Node first) {
            this.next = next;
            this.first = first;
            a = number;
            b = number;
            c = number;
            d = number;
        }

        static Node ring(long seed) {
            Node first = new Node(seed, null, null);
            Node next = first;
            for (int number = RING - 1; number > 0; number--) {
                next = new Node(seed + number, next, first);
            }
            first.next = next;
            return first;
        }

        Node walk(int steps) {
            Node node = this;
            for (; steps > 0; steps--) {
                node = node.next;
            }
            return node;
        }

        /** Points the third edge of a node at another one, and gives what that holds. */
        long rewire(int from, int to) {
            Node target = walk(to);
            walk(from).third = target;
            return target.a;
        }
    }

    /** Something to rewire: a node of a ring, and its target. */
    private static final class Wire {
        int ring;
        int from;
        int to;
    }

    static long run(Scale scale, Clock clock) {
        int count = Math.max(16, scale.of(LIVE_BYTES) / NODE_BYTES / RING);
        Node[] rings = new Node[count];
        for (int n = 0; n < count; n++) {
            rings[n] = Node.ring(n);
        }
        Numbers random = new Numbers(11);
        Wire[] wires = {new Wire(), new Wire(), new Wire()};
        long answer = 0;
        for (int step = 0; step < count * TURNOVER; step++) {
            int ring = random.below(count);
            for (Wire wire : wires) {
                wire.ring = random.below(count);
                wire.from = random.below(RING);
                wire.to = random.below(RING);
            }
            long beginNs = System.nanoTime();
            rings[ring] = Node.ring(step);
            for (Wire wire : wires) {
                answer += rings[wire.ring].rewire(wire.from, wire.to);
            }
            clock.step(beginNs);
        }
        return answer + sumOfTargets(rings);
    }

    private static long sumOfTargets(Node[] rings) {
        long sum = 0;
        for (Node node : rings) {
            for (int n = 0; n < RING; n++) {
                if (node.third != null) {
                    sum += node.third.d;
                }
                node = node.next;
            }
        }
        return sum;
    }
}
