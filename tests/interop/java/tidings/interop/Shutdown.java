// SPDX-License-Identifier: Apache-2.0
package tidings.interop;

import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentSkipListSet;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;

/** A clean shutdown ends soon, leaves the group and stores offsets: the next one goes on where it stopped. */
final class Shutdown implements Scenario {
    private static final long SHUTDOWN_LIMIT_MS = 15_000;

    @Override
    public void run(Env env) throws Exception {
        String topic = env.topic("topic", 4);
        Set<String> first = new ConcurrentSkipListSet<>();
        DefaultMQPushConsumer consumer = listen(env, topic, "first", first);
        Set<String> round1 = send(env, topic, "one");
        Env.await("the first round", () -> first.containsAll(round1));
        // A message counts as done a moment after its listener returned.
        Env.hold("messages came that nobody sent", 300, () -> first.size() == round1.size() + 1);
        long start = System.nanoTime();
        consumer.shutdown();
        long tookMs = (System.nanoTime() - start) / 1_000_000;
        Env.check(tookMs < SHUTDOWN_LIMIT_MS, "the shutdown took " + tookMs + " ms");

        Set<String> round2 = send(env, topic, "two");
        Set<String> second = new ConcurrentSkipListSet<>();
        DefaultMQPushConsumer next = listen(env, topic, "second", second);
        Env.await("all queues at the next consumer", () -> Env.held(next, topic).size() == 4);
        Env.await("the second round", () -> second.containsAll(round2));
        Env.hold("messages came again after a clean shutdown", 300, () -> second.equals(round2));
    }

    private static Set<String> send(Env env, String topic, String round) throws Exception {
        Set<String> bodies = new TreeSet<>();
        for (int i = 0; i < 40; i++) {
            env.send(topic, "", round + i);
            bodies.add(round + i);
        }
        return bodies;
    }

    private static DefaultMQPushConsumer listen(Env env, String topic, String name, Set<String> seen)
            throws Exception {
        DefaultMQPushConsumer consumer = env.consumer(env.name("group"), topic, "*");
        consumer.setInstanceName(env.name(name));
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            messages.forEach(message -> seen.add(Env.text(message)));
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        env.start(consumer);
        return consumer;
    }
}
