// SPDX-License-Identifier: Apache-2.0
package tidings.interop;

import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.consumer.PullStatus;
import org.apache.rocketmq.common.message.MessageQueue;

/** The pull consumer: every status of a pull, a long poll woken by an arrival, offsets stored by hand. */
@SuppressWarnings("deprecation")
final class Pull implements Scenario {
    @Override
    public void run(Env env) throws Exception {
        String topic = env.topic("topic", 1);
        for (int i = 0; i < 4; i++) {
            env.send(topic, i % 2 == 0 ? "even" : "odd", "m" + i);
        }
        DefaultMQPullConsumer consumer = new DefaultMQPullConsumer(env.name("group"));
        consumer.setNamesrvAddr(env.ns);
        consumer.start();
        env.onClose(consumer::shutdown);
        Set<MessageQueue> queues = consumer.fetchSubscribeMessageQueues(topic);
        Env.same(1, queues.size(), "queues");
        MessageQueue queue = queues.iterator().next();
        Env.await("five messages", () -> consumer.maxOffset(queue) == 5);

        PullResult all = consumer.pull(queue, "*", 0, 32);
        Env.same(PullStatus.FOUND, all.getPullStatus(), "status");
        Env.same(5, all.getMsgFoundList().size(), "messages");
        Env.same(5L, all.getNextBeginOffset(), "next offset");
        Env.same(0L, all.getMinOffset(), "min offset");
        Env.same(5L, all.getMaxOffset(), "max offset");
        Env.same(2, consumer.pull(queue, "*", 1, 2).getMsgFoundList().size(), "messages of a small pull");
        PullResult odd = consumer.pull(queue, "odd", 0, 32);
        Env.same("m1 m3", Env.text(odd.getMsgFoundList().get(0)) + " "
                + Env.text(odd.getMsgFoundList().get(1)), "messages with tag odd");
        PullResult none = consumer.pull(queue, "none", 0, 32);
        Env.same(PullStatus.NO_MATCHED_MSG, none.getPullStatus(), "status without a match");
        Env.same(5L, none.getNextBeginOffset(), "next offset without a match");
        Env.same(PullStatus.NO_NEW_MSG, consumer.pull(queue, "*", 5, 32).getPullStatus(), "at the end");
        PullResult beyond = consumer.pull(queue, "*", 100, 32);
        Env.same(PullStatus.OFFSET_ILLEGAL, beyond.getPullStatus(), "status beyond the end");
        Env.same(5L, beyond.getNextBeginOffset(), "offset to go on with");

        waitFor(env, topic, consumer, queue);
        storeOffset(env, consumer, queue);
    }

    private static void waitFor(Env env, String topic, DefaultMQPullConsumer consumer,
            MessageQueue queue) throws Exception {
        CompletableFuture<PullResult> poll = CompletableFuture.supplyAsync(() -> {
            try {
                return consumer.pullBlockIfNotFound(queue, "*", 5, 32);
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        });
        Env.hold("the long poll answers without a message", 500, () -> !poll.isDone());
        env.send(topic, "", "awaited");
        PullResult result = poll.get(10, TimeUnit.SECONDS);
        Env.same(PullStatus.FOUND, result.getPullStatus(), "status of the long poll");
        Env.same("awaited", Env.text(result.getMsgFoundList().get(0)), "message of the long poll");
    }

    private static void storeOffset(Env env, DefaultMQPullConsumer consumer, MessageQueue queue)
            throws Exception {
        consumer.updateConsumeOffset(queue, 3);
        consumer.getOffsetStore().persist(queue);
        consumer.getOffsetStore().removeOffset(queue);
        Env.await("the stored offset", () -> consumer.fetchConsumeOffset(queue, true) == 3);
    }
}
