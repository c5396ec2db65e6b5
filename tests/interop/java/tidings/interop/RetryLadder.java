// SPDX-License-Identifier: Apache-2.0
package tidings.interop;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageConst;
import org.apache.rocketmq.common.message.MessageExt;

/**
 * A message that always fails comes again after each rung of the ladder, never early, and ends in the dead
 * letters of its group.
 */
final class RetryLadder implements Scenario {
    /** How much later than its rung a delivery may come: a client may look at its queues only every 20 s. */
    private static final long LATE_MS = 30_000;

    @Override
    public void run(Env env) throws Exception {
        String topic = env.topic("topic", 2);
        String group = env.name("group");
        env.primeRetryTopic(group, topic);

        List<MessageExt> seen = Collections.synchronizedList(new ArrayList<>());
        List<Long> times = Collections.synchronizedList(new ArrayList<>());
        DefaultMQPushConsumer consumer = env.consumer(group, topic, "*");
        consumer.setMaxReconsumeTimes(env.ladder.length);
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            if (Env.isWarmUp(messages.get(0))) {
                return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
            }
            times.add(System.currentTimeMillis());
            seen.add(messages.get(0));
            return ConsumeConcurrentlyStatus.RECONSUME_LATER;
        });
        env.start(consumer);
        SendResult sent = Env.sent(env.producer().send(
                new Message(topic, "tag", "failing", Env.bytes("failing"))));

        int deliveries = env.ladder.length + 1;
        for (int i = 1; i <= deliveries; i++) {
            int count = i;
            long rung = i == 1 ? 0 : env.ladder[i - 2];
            Env.await("delivery " + i, rung + LATE_MS, () -> seen.size() >= count);
        }
        checkDelays(env, times);
        for (int i = 0; i < deliveries; i++) {
            MessageExt message = seen.get(i);
            Env.same(i, message.getReconsumeTimes(), "reconsume times of delivery " + (i + 1));
            Env.same(topic, message.getTopic(), "topic of delivery " + (i + 1));
            Env.same("failing", message.getKeys(), "keys of delivery " + (i + 1));
            Env.same("tag", message.getTags(), "tag of delivery " + (i + 1));
            Env.same(sent.getMsgId(), message.getMsgId(), "id of delivery " + (i + 1));
        }
        MessageExt dead = deadLetter(env, "%DLQ%" + group, "failing");
        Env.same(topic, dead.getProperty(MessageConst.PROPERTY_RETRY_TOPIC), "origin of the dead letter");
        Env.hold("delivered again although dead", 500, () -> seen.size() == deliveries);
    }

    private static void checkDelays(Env env, List<Long> times) {
        StringBuilder shown = new StringBuilder();
        for (int i = 0; i < env.ladder.length; i++) {
            long delay = times.get(i + 1) - times.get(i);
            shown.append(' ').append(delay).append('/').append(env.ladder[i]);
            Env.check(delay >= env.ladder[i], "rung " + (i + 1) + " of " + env.ladder[i]
                    + " ms came after " + delay + " ms");
        }
        System.out.println("  delays (ms, seen/rung):" + shown);
    }

    /** Waits for the dead letter with this body. */
    static MessageExt deadLetter(Env env, String topic, String body) throws Exception {
        List<MessageExt> found = Collections.synchronizedList(new ArrayList<>());
        Env.await("the topic " + topic, () -> {
            try {
                return !env.producer().fetchPublishMessageQueues(topic).isEmpty();
            } catch (Exception e) {
                return false;
            }
        });
        DefaultMQPushConsumer reader = env.consumer(env.name("dead-" + body), topic, "*");
        reader.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            for (MessageExt message : messages) {
                if (Env.text(message).equals(body)) {
                    found.add(message);
                }
            }
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        env.start(reader);
        Env.await("the dead letter " + body, () -> !found.isEmpty());
        return found.get(0);
    }
}
