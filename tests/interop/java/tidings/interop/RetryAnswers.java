// SPDX-License-Identifier: Apache-2.0
package tidings.interop;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyContext;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.common.message.Message;

/** A listener that names a delay level, gives up at once, throws or answers nothing is obeyed. */
final class RetryAnswers implements Scenario {
    private static final long LEVEL_1_MS = 1000;

    private final Map<String, List<Long>> times = new ConcurrentHashMap<>();

    @Override
    public void run(Env env) throws Exception {
        String topic = env.topic("topic", 4);
        String group = env.name("group");
        env.primeRetryTopic(group, topic);
        DefaultMQPushConsumer consumer = env.consumer(group, topic, "*");
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) ->
                answer(Env.text(messages.get(0)), context));
        env.start(consumer);

        String[] bodies = {"level", "dead", "throws", "null"};
        for (String body : bodies) {
            Env.sent(env.producer().send(new Message(topic, "", body, Env.bytes(body))));
        }
        for (String body : new String[] {"level", "throws", "null"}) {
            Env.await("the second delivery of " + body, () -> count(body) == 2);
        }
        System.out.println("  delays (ms): level 1 " + delay("level") + ", thrown " + delay("throws")
                + ", null " + delay("null"));
        Env.check(delay("level") >= LEVEL_1_MS, "level 1 came after " + delay("level") + " ms");
        Env.check(delay("throws") >= env.ladder[0], "after a throw it came in " + delay("throws"));
        Env.check(delay("null") >= env.ladder[0], "after null it came in " + delay("null"));
        RetryLadder.deadLetter(env, "%DLQ%" + group, "dead");
        Env.same(1, count("dead"), "deliveries of the message given up");
    }

    private ConsumeConcurrentlyStatus answer(String body, ConsumeConcurrentlyContext context) {
        List<Long> mine = times.computeIfAbsent(body,
                key -> Collections.synchronizedList(new ArrayList<>()));
        mine.add(System.currentTimeMillis());
        if (mine.size() > 1) {
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        }
        switch (body) {
            case "level":
                context.setDelayLevelWhenNextConsume(1);
                return ConsumeConcurrentlyStatus.RECONSUME_LATER;
            case "dead":
                context.setDelayLevelWhenNextConsume(-1);
                return ConsumeConcurrentlyStatus.RECONSUME_LATER;
            case "throws":
                throw new IllegalStateException("on purpose");
            case "null":
                return null;
            default:
                return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        }
    }

    private int count(String body) {
        List<Long> mine = times.get(body);
        return mine == null ? 0 : mine.size();
    }

    private long delay(String body) {
        return times.get(body).get(1) - times.get(body).get(0);
    }
}
