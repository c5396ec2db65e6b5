// SPDX-License-Identifier: Apache-2.0
package tidings.interop;

import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentSkipListSet;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;

/** A push consumer with the expression "A || B" gets these and nothing else, old ones and new ones. */
final class Tags implements Scenario {
    @Override
    public void run(Env env) throws Exception {
        String topic = env.topic("topic", 4);
        Set<String> expected = new TreeSet<>();
        sendRound(env, topic, "old", expected);

        Set<String> seen = new ConcurrentSkipListSet<>();
        DefaultMQPushConsumer consumer = env.consumer(env.name("group"), topic, "A || B");
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            messages.forEach(message -> seen.add(Env.text(message) + "/" + message.getTags()));
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        env.start(consumer);
        Env.await("the messages sent before the start", () -> seen.containsAll(expected));

        sendRound(env, topic, "new", expected);
        Env.await("the messages sent after the start", () -> seen.containsAll(expected));
        Env.same(expected, seen, "messages seen");
    }

    private static void sendRound(Env env, String topic, String round, Set<String> expected)
            throws Exception {
        for (int i = 0; i < 20; i++) {
            for (String tag : new String[] {"A", "B", "C", "AB", ""}) {
                String body = round + i;
                env.send(topic, tag, body + tag);
                if (tag.equals("A") || tag.equals("B")) {
                    expected.add(body + tag + "/" + tag);
                }
            }
        }
    }
}
