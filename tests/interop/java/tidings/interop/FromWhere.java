// SPDX-License-Identifier: Apache-2.0
package tidings.interop;

import java.text.SimpleDateFormat;
import java.util.Date;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentSkipListSet;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.MessageQueue;

/** New groups of a young topic miss nothing, wherever they ask to begin; offsets can be asked for by time. */
final class FromWhere implements Scenario {
    @Override
    public void run(Env env) throws Exception {
        String topic = env.topic("topic", 1);
        for (int i = 0; i < 5; i++) {
            env.send(topic, "", "old" + i);
        }
        // The client's time stamps have whole seconds.
        long boundary = (System.currentTimeMillis() / 1000 + 1) * 1000;
        Env.await("the next second", () -> System.currentTimeMillis() > boundary);
        for (int i = 0; i < 5; i++) {
            env.send(topic, "", "new" + i);
        }
        checkOffsets(env, topic, boundary);

        Set<String> first = listen(env, topic, "first", ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET, 0);
        Set<String> time = listen(env, topic, "time", ConsumeFromWhere.CONSUME_FROM_TIMESTAMP, boundary);
        Set<String> last = listen(env, topic, "last", ConsumeFromWhere.CONSUME_FROM_LAST_OFFSET, 0);
        for (int i = 0; i < 5; i++) {
            env.send(topic, "", "later" + i);
        }
        Set<String> all = names("old", "new", "later");
        all.add("warm-up");
        Env.await("all from the first", () -> first.size() >= all.size());
        Env.await("all since the time", () -> time.size() >= all.size());
        Env.await("all since the end", () -> last.size() >= all.size());
        Env.same(all, first, "from the first offset");
        // RocketMQ starts every new group at the beginning of a queue that still has its first message in
        // memory, whatever the group asked for; so does Tidings.
        Env.same(all, time, "from the time");
        Env.same(all, last, "from the last offset");
    }

    private static void checkOffsets(Env env, String topic, long boundary) throws Exception {
        MessageQueue queue = env.producer().fetchPublishMessageQueues(topic).get(0);
        Env.same(0L, env.producer().minOffset(queue), "min offset");
        Env.await("the max offset", () -> env.producer().maxOffset(queue) == 11);
        Env.same(6L, env.producer().searchOffset(queue, boundary), "offset by time");
        Env.same(0L, env.producer().searchOffset(queue, boundary - 86_400_000), "offset of yesterday");
        long age = System.currentTimeMillis() - env.producer().earliestMsgStoreTime(queue);
        Env.check(age >= 0 && age < 600_000, "the earliest message is " + age + " ms old");
    }

    private static Set<String> names(String... rounds) {
        Set<String> names = new TreeSet<>();
        for (String round : rounds) {
            for (int i = 0; i < 5; i++) {
                names.add(round + i);
            }
        }
        return names;
    }

    private static Set<String> listen(Env env, String topic, String name, ConsumeFromWhere where,
            long time) throws Exception {
        Set<String> seen = new ConcurrentSkipListSet<>();
        DefaultMQPushConsumer consumer = env.consumer(env.name(name), topic, "*");
        consumer.setConsumeFromWhere(where);
        consumer.setConsumeTimestamp(new SimpleDateFormat("yyyyMMddHHmmss").format(new Date(time)));
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            messages.forEach(message -> seen.add(Env.text(message)));
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        env.start(consumer);
        Env.await("the queue of group " + name, () -> Env.held(consumer, topic).size() == 1);
        return seen;
    }
}
