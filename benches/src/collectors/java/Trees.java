/** binary-trees, as in the benchmarks game, and Boehm's GCBench. */
final class Trees {
    private static final int BINARY_DEPTH = 21;
    private static final int BINARY_LEAST = 4;
    private static final int GCBENCH_STRETCH = 18;
    private static final int GCBENCH_KEPT = 16;
    private static final int GCBENCH_NUMBERS = 500_000;

    private Trees() {}

    private static long nodes(int depth) {
        return (2L << depth) - 1;
    }

    /** A node of binary-trees. */
    private static final class Bare {
        final Bare left;
        final Bare right;

        Bare(Bare left, Bare right) {
            this.left = left;
            this.right = right;
        }

        static Bare grow(int depth) {
            return depth == 0 ? new Bare(null, null) : new Bare(grow(depth - 1), grow(depth - 1));
        }

        static long count(Bare node) {
            return node == null ? 0 : 1 + count(node.left) + count(node.right);
        }
    }

    static long binary(Scale scale, Clock clock) {
        int depth = scale.depth(BINARY_DEPTH);
        long answer = Bare.count(Bare.grow(depth + 1));
        Bare kept = Bare.grow(depth);
        for (int small = BINARY_LEAST; small <= depth; small += 2) {
            for (int times = 1 << depth - small + BINARY_LEAST; times > 0; times--) {
                answer += Bare.count(Bare.grow(small));
            }
        }
        return answer + Bare.count(kept);
    }

    /** A node of GCBench: it holds two numbers besides. */
    private static final class Numbered {
        Numbered left;
        Numbered right;
        long i;
        long j;

        Numbered(Numbered left, Numbered right) {
            this.left = left;
            this.right = right;
        }

        static Numbered grow(int depth) {
            return depth == 0
                    ? new Numbered(null, null)
                    : new Numbered(grow(depth - 1), grow(depth - 1));
        }

        /** Makes what is below this node, from the top down. */
        void populate(int depth) {
            if (depth > 0) {
                left = new Numbered(null, null);
                right = new Numbered(null, null);
                left.populate(depth - 1);
                right.populate(depth - 1);
            }
        }

        static Numbered populated(int depth) {
            Numbered tree = new Numbered(null, null);
            tree.populate(depth);
            return tree;
        }

        static long count(Numbered node) {
            return node == null ? 0 : 1 + count(node.left) + count(node.right);
        }
    }

    static long gcBench(Scale scale, Clock clock) {
        int stretch = scale.depth(GCBENCH_STRETCH);
        int depthKept = scale.depth(GCBENCH_KEPT);
        long answer = Numbered.count(Numbered.grow(stretch));
        Numbered kept = Numbered.populated(depthKept);
        double[] numbers = new double[scale.of(GCBENCH_NUMBERS)];
        for (int n = 0; n < numbers.length; n++) {
            numbers[n] = 1.0 / (n + 1);
        }
        for (int depth = 4; depth <= depthKept; depth += 2) {
            long times = 2 * nodes(stretch) / nodes(depth);
            for (long n = 0; n < times; n++) {
                answer += Numbered.count(Numbered.populated(depth));
            }
            for (long n = 0; n < times; n++) {
                answer += Numbered.count(Numbered.grow(depth));
            }
        }
        for (double number : numbers) {
            if (number != 0) {
                answer++;
            }
        }
        return answer + Numbered.count(kept);
    }
}
