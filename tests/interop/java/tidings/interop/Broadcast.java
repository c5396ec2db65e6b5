// SPDX-License-Identifier: Apache-2.0
package tidings.interop;

import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentSkipListSet;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;

/** Two broadcasting consumers of one group both get every message. */
final class Broadcast implements Scenario {
    @Override
    public void run(Env env) throws Exception {
        String topic = env.topic("topic", 4);
        Set<String> first = listen(env, topic, "first");
        Set<String> second = listen(env, topic, "second");
        Set<String> expected = new TreeSet<>();
        expected.add("warm-up");
        for (int i = 0; i < 100; i++) {
            env.send(topic, "", "m" + i);
            expected.add("m" + i);
        }
        Env.await("all messages at the first", () -> first.equals(expected));
        Env.await("all messages at the second", () -> second.equals(expected));
    }

    private static Set<String> listen(Env env, String topic, String name) throws Exception {
        Set<String> seen = new ConcurrentSkipListSet<>();
        DefaultMQPushConsumer consumer = env.consumer(env.name("group"), topic, "*");
        consumer.setInstanceName(env.name(name));
        Env.broadcasting(consumer);
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            messages.forEach(message -> seen.add(Env.text(message)));
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        env.start(consumer);
        return seen;
    }
}
