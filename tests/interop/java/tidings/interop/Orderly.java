// SPDX-License-Identifier: Apache-2.0
package tidings.interop;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.common.message.MessageExt;

/** Each queue keeps its order and one handler at a time, also while one message of it fails once. */
final class Orderly implements Scenario {
    private static final int QUEUES = 4;
    private static final int PER_QUEUE = 15;

    private final Map<Integer, List<String>> done = new ConcurrentHashMap<>();
    private final Set<Integer> busy = ConcurrentHashMap.newKeySet();
    private final Set<String> failed = ConcurrentHashMap.newKeySet();
    private volatile String broken;

    @Override
    public void run(Env env) throws Exception {
        String topic = env.topic("topic", QUEUES);
        DefaultMQPushConsumer consumer = env.consumer(env.name("group"), topic, "*");
        consumer.setSuspendCurrentQueueTimeMillis(200);
        consumer.registerMessageListener((MessageListenerOrderly) (messages, context) ->
                handle(messages.get(0)));
        env.start(consumer);

        List<String> expected = new ArrayList<>();
        for (int i = 0; i < PER_QUEUE; i++) {
            expected.add("m" + i);
            for (int queue = 0; queue < QUEUES; queue++) {
                env.sendTo(topic, queue, "m" + i);
            }
        }
        Env.await("all messages", () -> broken != null || total() == QUEUES * PER_QUEUE);
        Env.check(broken == null, broken);
        for (int queue = 0; queue < QUEUES; queue++) {
            Env.same(expected, done.get(queue), "order of queue " + queue);
        }
        Env.same(QUEUES, failed.size(), "messages that failed once");
    }

    private ConsumeOrderlyStatus handle(MessageExt message) {
        if (Env.isWarmUp(message)) {
            return ConsumeOrderlyStatus.SUCCESS;
        }
        int queue = message.getQueueId();
        if (!busy.add(queue)) {
            broken = "two handlers at once in queue " + queue;
        }
        try {
            if (Env.text(message).equals("m5") && failed.add("q" + queue)) {
                return ConsumeOrderlyStatus.SUSPEND_CURRENT_QUEUE_A_MOMENT;
            }
            done.computeIfAbsent(queue, key -> new ArrayList<>()).add(Env.text(message));
            return ConsumeOrderlyStatus.SUCCESS;
        } finally {
            busy.remove(queue);
        }
    }

    private int total() {
        return done.values().stream().mapToInt(List::size).sum();
    }
}
