// SPDX-License-Identifier: Apache-2.0
package tidings.interop;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.QueryResult;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

/** Every kind of send arrives once and whole; messages are found again by id and by key. */
final class SendKinds implements Scenario {
    private static final long DELAY_MS = 1000; // level 1 of every server's table

    private final Map<String, MessageExt> arrived = new ConcurrentHashMap<>();
    private final Map<String, Long> arrivedAt = new ConcurrentHashMap<>();
    private final List<String> duplicates = new ArrayList<>();

    @Override
    public void run(Env env) throws Exception {
        String topic = env.topic("topic", 4);
        consume(env, topic);

        SendResult sync = env.send(topic, "sync", "sync");
        SendResult async = sendAsync(env, new Message(topic, "async", Env.bytes("async")));
        env.producer().sendOneway(new Message(topic, "oneway", Env.bytes("oneway")));
        SendResult picked = env.sendTo(topic, 2, "picked");
        Env.same(2, picked.getMessageQueue().getQueueId(), "queue of the result");
        Env.sent(env.producer().send(batch(topic)));
        String large = large();
        Env.sent(env.producer().send(new Message(topic, "large", "", Env.bytes(large))));
        long delayedFrom = System.currentTimeMillis();
        Message delayed = new Message(topic, "delayed", Env.bytes("delayed"));
        delayed.setDelayTimeLevel(1);
        Env.sent(env.producer().send(delayed));
        SendResult keyed = Env.sent(env.producer().send(keyed(topic)));

        awaitBodies("sync", "async", "oneway", "picked", "batch0", "batch1", "batch2", large, "keyed",
                "delayed");
        checkArrived(topic, sync, async, large);
        long waited = arrivedAt.get("delayed") - delayedFrom;
        System.out.println("  delayed by level 1: " + waited + " ms");
        Env.check(waited >= DELAY_MS, "the delayed message came after " + waited + " ms");
        find(env, topic, sync, keyed);
        Env.check(duplicates.isEmpty(), "came twice: " + duplicates);
    }

    private void consume(Env env, String topic) throws Exception {
        DefaultMQPushConsumer consumer = env.consumer(env.name("group"), topic, "*");
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            for (MessageExt message : messages) {
                arrivedAt.put(Env.text(message), System.currentTimeMillis());
                if (arrived.put(Env.text(message), message) != null) {
                    synchronized (duplicates) {
                        duplicates.add(Env.text(message));
                    }
                }
            }
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        env.start(consumer);
    }

    private static SendResult sendAsync(Env env, Message message) throws Exception {
        CompletableFuture<SendResult> done = new CompletableFuture<>();
        env.producer().send(message, new SendCallback() {
            @Override
            public void onSuccess(SendResult result) {
                done.complete(result);
            }

            @Override
            public void onException(Throwable e) {
                done.completeExceptionally(e);
            }
        });
        return Env.sent(done.get(Env.WAIT_MS, TimeUnit.MILLISECONDS));
    }

    private static List<Message> batch(String topic) {
        List<Message> batch = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            Message message = new Message(topic, "batch", "batch-key" + i, Env.bytes("batch" + i));
            message.putUserProperty("index", String.valueOf(i));
            batch.add(message);
        }
        return batch;
    }

    /** 20 kB that compress well; clients compress from 4 kB on. */
    private static String large() {
        StringBuilder text = new StringBuilder("large");
        while (text.length() < 20_000) {
            text.append(" of all that is told, ").append(text.length());
        }
        return text.toString();
    }

    private static Message keyed(String topic) {
        Message message = new Message(topic, "keyed", "first second", Env.bytes("keyed"));
        message.putUserProperty("spoken", "Grüße, 世界 = \"{}\" ; |");
        message.setFlag(77);
        return message;
    }

    private void awaitBodies(String... bodies) throws Exception {
        for (String body : bodies) {
            String shown = body.substring(0, Math.min(20, body.length()));
            Env.await("message " + shown, () -> arrived.containsKey(body));
        }
    }

    private void checkArrived(String topic, SendResult sync, SendResult async, String large) {
        MessageExt message = arrived.get("sync");
        Env.same(topic, message.getTopic(), "topic");
        Env.same(sync.getMsgId(), message.getMsgId(), "message id");
        Env.same(sync.getQueueOffset(), message.getQueueOffset(), "queue offset");
        Env.same(sync.getMessageQueue().getQueueId(), message.getQueueId(), "queue id");
        Env.same(0, message.getReconsumeTimes(), "reconsume times");
        long age = message.getStoreTimestamp() - message.getBornTimestamp();
        Env.check(Math.abs(age) < 60_000, "stored " + age + " ms after it was born");
        Env.same(async.getMsgId(), arrived.get("async").getMsgId(), "message id of the async send");
        Env.same(2, arrived.get("picked").getQueueId(), "queue of the picked message");
        Env.same("1", arrived.get("batch1").getUserProperty("index"), "property in a batch");
        Env.same("batch-key2", arrived.get("batch2").getKeys(), "key in a batch");
        int stored = arrived.get(large).getStoreSize();
        Env.check(stored < large.length(), "the large message was stored in " + stored + " bytes");
        Env.same("first second", arrived.get("keyed").getKeys(), "keys");
        Env.same(77, arrived.get("keyed").getFlag(), "flag");
        Env.same("Grüße, 世界 = \"{}\" ; |", arrived.get("keyed").getUserProperty("spoken"), "property");
    }

    private static void find(Env env, String topic, SendResult sync, SendResult keyed) throws Exception {
        MessageExt byOffsetId = env.producer().viewMessage(topic, sync.getOffsetMsgId());
        Env.same("sync", Env.text(byOffsetId), "message by offset id");
        for (String key : new String[] {"first", "second"}) {
            // A server may index a little after it answered.
            Env.await("the message with key " + key, () -> queried(env, topic, key, "keyed"));
        }
        Env.await("a batch's message by key", () -> queried(env, topic, "batch-key1", "batch1"));
        Env.await("the message by its unique id",
                () -> Env.text(env.producer().viewMessage(topic, keyed.getMsgId())).equals("keyed"));
        Env.check(!queried(env, topic, "third", "keyed"), "found by a key that it does not have");
    }

    private static boolean queried(Env env, String topic, String key, String body) {
        long now = System.currentTimeMillis();
        try {
            QueryResult result = env.producer().queryMessage(topic, key, 8, now - 600_000, now + 60_000);
            return result.getMessageList().size() == 1
                    && Env.text(result.getMessageList().get(0)).equals(body);
        } catch (Exception e) {
            return false; // "no message" is an exception of this client
        }
    }
}
