// SPDX-License-Identifier: Apache-2.0
package tidings.interop;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Runs scenarios with the official client on the class path, whichever version that is, against the server
 * named by -Dns=host:port: "Main SCENARIO..." or "Main all". Prints "PASS name" or "FAIL name: reason" for
 * each and exits 0 only when all passed. "Main --list" prints the names; "Main --worker ..." is the second
 * process of scenarios that need one. {@link Env} tells the other -D options.
 */
public final class Main {
    private static final long SCENARIO_LIMIT_SECONDS = 120;

    private Main() {
    }

    private static Map<String, Scenario> scenarios() {
        Map<String, Scenario> all = new LinkedHashMap<>();
        all.put("tags", new Tags());
        all.put("send-kinds", new SendKinds());
        all.put("retry-ladder", new RetryLadder());
        all.put("retry-answers", new RetryAnswers());
        all.put("orderly", new Orderly());
        all.put("orderly-takeover", new OrderlyTakeover());
        all.put("broadcast", new Broadcast());
        all.put("rebalance-kill", new RebalanceKill(false));
        all.put("from-where", new FromWhere());
        all.put("pull", new Pull());
        all.put("trace", new Trace());
        all.put("shutdown", new Shutdown());
        all.put("transactions", new Transactions());
        all.put("transaction-takeover", new TransactionTakeover());
        if (System.getProperty("acl") != null) {
            all.put("accounts", new Accounts());
        }
        if (System.getProperty("worker") != null) {
            all.put("mixed-group", new RebalanceKill(true));
        }
        return all;
    }

    public static void main(String[] args) throws Exception {
        Map<String, Scenario> all = scenarios();
        if (args.length > 0 && args[0].equals("--list")) {
            System.out.println(String.join(" ", all.keySet()));
            return;
        }
        if (args.length > 0 && args[0].equals("--worker")) {
            Worker.run(args);
            return;
        }
        if (args.length > 0 && args[0].equals("--halves")) {
            TransactionTakeover.halves(args);
            return;
        }
        String[] names = args.length == 1 && args[0].equals("all")
                ? all.keySet().toArray(new String[0]) : args;
        boolean good = names.length > 0;
        for (String name : names) {
            good &= run(name, all.get(name));
        }
        // Left-over threads of a client must not keep the process.
        Runtime.getRuntime().halt(good ? 0 : 1);
    }

    private static boolean run(String name, Scenario scenario) {
        if (scenario == null) {
            System.out.println("FAIL " + name + ": no such scenario");
            return false;
        }
        long start = System.nanoTime();
        String reason = null;
        Env env = new Env(name);
        ExecutorService runner = Executors.newSingleThreadExecutor();
        Future<Void> outcome = runner.submit(() -> {
            scenario.run(env);
            return null;
        });
        try {
            outcome.get(SCENARIO_LIMIT_SECONDS, TimeUnit.SECONDS);
        } catch (TimeoutException e) {
            reason = "not finished after " + SCENARIO_LIMIT_SECONDS + " s";
            outcome.cancel(true);
        } catch (Exception e) {
            Throwable cause = e.getCause() == null ? e : e.getCause();
            reason = cause instanceof Failure ? cause.getMessage() : cause.toString();
            if (!(cause instanceof Failure)) {
                cause.printStackTrace();
            }
        }
        runner.shutdownNow();
        env.close();
        if (reason == null) {
            long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
            System.out.println("PASS " + name + " (" + millis + " ms)");
        } else {
            System.out.println("FAIL " + name + ": " + reason.replace('\n', ' '));
        }
        System.out.flush();
        return reason == null;
    }
}
