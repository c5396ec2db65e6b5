// SPDX-License-Identifier: Apache-2.0
package tidings.interop;

import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/**
 * Two orderly consumers share the queues by the server's locks; when one leaves, the other takes its queues
 * over and no message overtakes an earlier one of its queue.
 */
final class OrderlyTakeover implements Scenario {
    private static final int QUEUES = 4;
    private static final int PER_QUEUE = 30;

    private final ConcurrentHashMap<Integer, Integer> highest = new ConcurrentHashMap<>();
    private final ConcurrentHashMap<Integer, String> busy = new ConcurrentHashMap<>();
    private final AtomicInteger byFirst = new AtomicInteger();
    private final AtomicInteger bySecond = new AtomicInteger();
    private volatile String broken;

    @Override
    public void run(Env env) throws Exception {
        String topic = env.topic("topic", QUEUES);
        String group = env.name("group");
        DefaultMQPushConsumer first = member(env, group, topic, "first", byFirst);
        DefaultMQPushConsumer second = member(env, group, topic, "second", bySecond);
        Env.await("two locked queues each", () -> locked(first, topic) == QUEUES / 2
                && locked(second, topic) == QUEUES / 2);
        for (int i = 0; i < PER_QUEUE; i++) {
            if (i == PER_QUEUE / 2) {
                Env.await("work done by the first", () -> broken != null || byFirst.get() > 0);
                first.shutdown();
            }
            for (int queue = 0; queue < QUEUES; queue++) {
                env.sendTo(topic, queue, String.valueOf(i));
            }
        }
        // Somebody who just missed a lock asks again after 20 s.
        Env.await("the last message of every queue", 60_000, () -> broken != null
                || highest.size() == QUEUES
                && highest.values().stream().allMatch(last -> last == PER_QUEUE - 1));
        Env.check(broken == null, broken);
        Env.check(byFirst.get() + bySecond.get() >= QUEUES * PER_QUEUE, "messages are missing");
    }

    private DefaultMQPushConsumer member(Env env, String group, String topic, String name,
            AtomicInteger count) throws Exception {
        DefaultMQPushConsumer consumer = env.consumer(group, topic, "*");
        consumer.setInstanceName(name);
        consumer.registerMessageListener((MessageListenerOrderly) (messages, context) ->
                handle(messages, name, count));
        env.start(consumer);
        return consumer;
    }

    private static long locked(DefaultMQPushConsumer consumer, String topic) {
        List<MessageQueue> held = Env.held(consumer, topic);
        // A queue may go to the other member between the two looks.
        var table = consumer.getDefaultMQPushConsumerImpl().getRebalanceImpl().getProcessQueueTable();
        return held.stream().map(table::get).filter(queue -> queue != null && queue.isLocked()).count();
    }

    private ConsumeOrderlyStatus handle(List<MessageExt> messages, String name, AtomicInteger count) {
        for (MessageExt message : messages) {
            if (Env.isWarmUp(message)) {
                continue;
            }
            int queue = message.getQueueId();
            String other = busy.putIfAbsent(queue, name);
            if (other != null) {
                broken = name + " handles queue " + queue + " while " + other + " does";
            }
            int number = Integer.parseInt(Env.text(message));
            int last = highest.getOrDefault(queue, -1);
            // Again is allowed (delivery is at least once), a gap is not.
            if (number > last + 1) {
                broken = "queue " + queue + " went from " + last + " to " + number;
            }
            highest.put(queue, Math.max(last, number));
            count.incrementAndGet();
            busy.remove(queue);
        }
        return ConsumeOrderlyStatus.SUCCESS;
    }
}
