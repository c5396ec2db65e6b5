// SPDX-License-Identifier: Apache-2.0
package tidings.interop;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;

/**
 * Two consumers share the queues; one is killed with -9 under load, the other takes over, nothing is lost. The
 * killed one is another process of this client, or a consumer of another kind in the same group.
 */
final class RebalanceKill implements Scenario {
    private static final int QUEUES = 8;
    private static final int MESSAGES = 600;
    private static final int KILL_AFTER = 40;

    private final Set<String> mine = new ConcurrentSkipListSet<>();
    private final Set<String> theirs = new ConcurrentSkipListSet<>();
    private final boolean foreign;
    private volatile int theirQueues = -1;

    RebalanceKill(boolean foreign) {
        this.foreign = foreign;
    }

    @Override
    public void run(Env env) throws Exception {
        String topic = env.topic("topic", QUEUES);
        String group = env.name("group");
        Process worker = startWorker(env, group, topic);
        DefaultMQPushConsumer consumer = env.consumer(group, topic, "*");
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            messages.forEach(message -> mine.add(Env.text(message)));
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        env.start(consumer);
        // Another kind of client may count the retry topic's queue too.
        int most = foreign ? QUEUES / 2 + 1 : QUEUES / 2;
        Env.await("half of the queues each", () -> theirQueues >= QUEUES / 2 && theirQueues <= most
                && Env.held(consumer, topic).size() == QUEUES / 2);

        Set<String> expected = new TreeSet<>();
        boolean killed = false;
        for (int i = 0; i < MESSAGES; i++) {
            env.send(topic, "", "m" + i);
            expected.add("m" + i);
            if (!killed && theirs.size() >= KILL_AFTER) {
                worker.destroyForcibly();
                killed = true;
            }
        }
        if (!killed) {
            Env.await("work done by the other", () -> theirs.size() >= KILL_AFTER);
            worker.destroyForcibly();
        }
        Env.check(worker.waitFor(10, TimeUnit.SECONDS), "the killed process lives");
        Env.await("every message at one of the two", 60_000, () -> {
            Set<String> seen = new TreeSet<>(mine);
            seen.addAll(theirs);
            return seen.containsAll(expected);
        });
        Env.await("all queues at the survivor", () -> Env.held(consumer, topic).size() == QUEUES);
        System.out.println("  handled by the killed " + theirs.size() + ", by the survivor "
                + mine.size());
    }

    private Process startWorker(Env env, String group, String topic) throws Exception {
        List<String> command = foreign ? foreignCommand(env) : Env.ownCommand();
        command.add("--worker");
        command.add(group);
        command.add(topic);
        command.add("120");
        Process worker = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        env.onClose(worker::destroyForcibly);
        Thread reader = new Thread(() -> read(worker));
        reader.setDaemon(true);
        reader.start();
        return worker;
    }

    private static List<String> foreignCommand(Env env) {
        Env.check(env.worker != null, "option -Dworker is missing");
        return new ArrayList<>(Arrays.asList(env.worker.split(" ")));
    }

    private void read(Process worker) {
        try (BufferedReader lines = new BufferedReader(new InputStreamReader(worker.getInputStream(),
                StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (line.startsWith("GOT ")) {
                    theirs.add(line.substring(4));
                } else if (line.startsWith("HOLDS ")) {
                    theirQueues = Integer.parseInt(line.substring(6));
                }
            }
        } catch (java.io.IOException e) {
            // The pipe of a killed process may break; what was read counts.
            System.out.println("  pipe of the killed process: " + e.getMessage());
        }
    }
}
