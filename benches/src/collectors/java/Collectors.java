/**
 * The programs of `collectors` in Java, as a process that answers with a line of JSON.
 *
 * <p>Above: the Rust side (outside.rs), which builds it with the script `build`, starts it with a
 * program's name and a scale in hundredths, and compares its answer with that of the others. In
 * Trees, Cache, Graph, Texts: the programs, step by step those of the Rust files of the same names
 * one folder up, on Java's own heap. In Clock, Measure, Numbers, Scale: what they need.
 *
 * <p>A program runs once, in a machine that has just started: compiling it is part of its time.
 */
final class Collectors {
    /** A program: its answer is 64 bits without a sign. */
    interface Program {
        long run(Scale scale, Clock clock);
    }

    private Collectors() {}

    public static void main(String[] arguments) {
        if (arguments.length != 2) {
            fail("usage: PROGRAM PERCENT");
        }
        Program program = find(arguments[0]);
        int percent = number(arguments[1]);
        if (program == null || percent < 1) {
            fail("there is no such program or scale");
        }
        System.out.println(Measure.run(program, new Scale(percent)));
    }

    private static Program find(String name) {
        return switch (name) {
            case "binary-trees" -> Trees::binary;
            case "gcbench" -> Trees::gcBench;
            case "lru" -> Cache::lru;
            case "graph" -> Graph::run;
            case "text" -> Texts::run;
            default -> null;
        };
    }

    private static int number(String text) {
        try {
            return Integer.parseInt(text);
        } catch (NumberFormatException none) {
            return 0;
        }
    }

    private static void fail(String why) {
        System.err.println(why);
        System.exit(2);
    }
}
