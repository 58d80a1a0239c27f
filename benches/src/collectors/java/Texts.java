import java.util.Arrays;

/** Strings, as an interpreter has them: immutable, joined and cut all the time. */
final class Texts {
    private static final int TEXTS = 100_000;
    private static final int STEPS = 8_000_000;
    private static final int LONGEST_BYTES = 400;
    private static final int BATCH = 32;
    private static final String[] WORDS = {
        "span", "slot", "arena", "bitmap", "root", "mutator", "page", "claim"
    };

    private Texts() {}

    private enum Action {
        SPELL,
        JOIN,
        CUT
    }

    /**
     * Something to do with the strings of a table: put what {@code left} spells at {@code to}, or the
     * strings of two entries, or half of one.
     */
    private static final class Step {
        Action action;
        int to;
        int left;
        int right;

        void draw(Numbers random, int count) {
            to = random.below(count);
            int number = random.below(8);
            if (number < 3) {
                action = Action.SPELL;
                left = random.below(1 << 20);
            } else if (number < 6) {
                action = Action.JOIN;
                left = random.below(count);
                right = random.below(count);
            } else {
                action = Action.CUT;
                left = random.below(count);
            }
        }

        /** Makes a new string. */
        String build(String[] texts, StringBuilder scratch) {
            return switch (action) {
                case SPELL -> spelled(left, scratch);
                case JOIN -> joined(texts[left], texts[right]);
                case CUT -> texts[left].substring(texts[left].length() / 2);
            };
        }
    }

    private static String spelled(int number, StringBuilder scratch) {
        scratch.setLength(0);
        for (int rest = number; rest > 0; rest /= 8) {
            scratch.append(WORDS[rest % 8]).append(' ');
        }
        return scratch.append(number).toString();
    }

    private static String joined(String left, String right) {
        return left.length() + right.length() <= LONGEST_BYTES
                ? left.concat(right)
                : left.substring(0, left.length() / 2);
    }

    private static long weight(String text) {
        long sum = text.length();
        for (int n = 0; n < text.length(); n++) {
            sum = sum * 31 + text.charAt(n);
        }
        return sum;
    }

    static long run(Scale scale, Clock clock) {
        int count = scale.of(TEXTS);
        String[] texts = new String[count];
        Arrays.fill(texts, "");
        Numbers random = new Numbers(3);
        StringBuilder scratch = new StringBuilder(2 * LONGEST_BYTES);
        Step[] batch = new Step[BATCH];
        Arrays.setAll(batch, n -> new Step());
        for (int steps = scale.of(STEPS) / BATCH; steps > 0; steps--) {
            for (Step step : batch) {
                step.draw(random, count);
            }
            long beginNs = System.nanoTime();
            for (Step step : batch) {
                texts[step.to] = step.build(texts, scratch);
            }
            clock.step(beginNs);
        }
        long sum = 0;
        for (String text : texts) {
            sum += weight(text);
        }
        return sum;
    }
}
