// SPDX-License-Identifier: Apache-2.0

import java.util.List;
import org.junit.runner.Description;
import org.junit.runner.JUnitCore;
import org.junit.runner.Request;
import org.junit.runner.Result;
import org.junit.runner.manipulation.Filter;
import org.junit.runner.notification.Failure;
import org.junit.runner.notification.RunListener;

/** Runs RocketMQ's own test classes, one after the other: "Peer CLASS...". Prints "PASS name" or "FAIL name: reason". */
public final class Peer {
    private Peer() {
    }

    public static void main(String[] args) throws Exception {
        JUnitCore core = new JUnitCore();
        Teller teller = new Teller();
        core.addListener(teller);
        boolean good = args.length > 0;
        for (String name : args) {
            Result result = core.run(Request.aClass(Class.forName("org.apache.rocketmq.test." + name))
                    .filterWith(new Chosen(List.of(System.getProperty("except", "").split(",")))));
            good = result.wasSuccessful() && good;
        }
        System.out.flush();
        Runtime.getRuntime().halt(good ? 0 : 1); // clients that a test left behind have threads
    }

    /** All but those that are named, as Class.method. */
    private static final class Chosen extends Filter {
        private final List<String> except;

        Chosen(List<String> except) {
            this.except = except;
        }

        @Override
        public boolean shouldRun(Description description) {
            return !description.isTest() || !except.contains(nameOf(description));
        }

        @Override
        public String describe() {
            return "all but " + except;
        }
    }

    private static String nameOf(Description description) {
        return description.getTestClass().getSimpleName() + "." + description.getMethodName();
    }

    private static final class Teller extends RunListener {
        private Failure failure;

        @Override
        public void testStarted(Description description) {
            failure = null;
        }

        @Override
        public void testFailure(Failure failed) {
            failure = failed;
            if (!failed.getDescription().isTest()) {
                tell(failed.getDescription().getDisplayName(), failed);
            }
        }

        @Override
        public void testFinished(Description description) {
            tell(nameOf(description), failure);
        }

        private static void tell(String name, Failure failed) {
            System.out.println(failed == null ? "PASS " + name
                    : "FAIL " + name + ": " + String.valueOf(failed.getException()).replace('\n', ' '));
            System.out.flush();
        }
    }
}
