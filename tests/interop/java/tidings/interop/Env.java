// SPDX-License-Identifier: Apache-2.0
package tidings.interop;

import java.io.File;
import java.lang.management.ManagementFactory;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.Callable;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/**
 * What a scenario works with: names of its own, producers and consumers that are shut down at its end, and
 * waiting with a deadline. Options of the process:
 * -Dns=host:port; -Dladder=1000,2000 the rungs that the server's retry ladder has, in ms;
 * -Dprime=true for servers that make the retry topic only at the first heartbeat;
 * -DconsumeTraces=false where this client does not trace the consuming of this server's messages (a version 5
 * client wants the region in the message, a version 4 server puts none);
 * -Dworker="command ..." a consumer of another kind for the scenario "mixed-group".
 */
final class Env implements AutoCloseable {
    static final long WAIT_MS = 30_000;
    private static final int HEARTBEAT_MS = 5_000;
    private static final String WARM_UP = "warm-up";

    final String ns = System.getProperty("ns", "127.0.0.1:9876");
    final long[] ladder = parseLadder(System.getProperty("ladder", "1000,2000,3000"));
    final boolean prime = Boolean.getBoolean("prime");
    final String worker = System.getProperty("worker");
    final boolean consumeTraces = !"false".equals(System.getProperty("consumeTraces"));
    private final String id;
    private final Deque<Runnable> cleanups = new ArrayDeque<>();
    private DefaultMQProducer shared;

    Env(String scenario) {
        // Names are new in every run, so that a server may be used again and again.
        id = scenario + "-" + Long.toString(System.currentTimeMillis(), 36);
    }

    private static long[] parseLadder(String text) {
        String[] parts = text.split(",");
        long[] rungs = new long[parts.length];
        for (int i = 0; i < parts.length; i++) {
            rungs[i] = Long.parseLong(parts[i]);
        }
        return rungs;
    }

    String name(String suffix) {
        return id + "-" + suffix;
    }

    static void check(boolean holds, String otherwise) {
        if (!holds) {
            throw new Failure(otherwise);
        }
    }

    static void same(Object expected, Object actual, String what) {
        check(expected.equals(actual), what + ": expected " + expected + ", got " + actual);
    }

    static void await(String what, Callable<Boolean> condition) throws Exception {
        await(what, WAIT_MS, condition);
    }

    static void await(String what, long limitMs, Callable<Boolean> condition) throws Exception {
        long deadline = System.nanoTime() + limitMs * 1_000_000;
        while (!condition.call()) {
            check(System.nanoTime() < deadline, "waited " + limitMs + " ms in vain for " + what);
            Thread.sleep(20);
        }
    }

    /** Watches for what must not come: the condition has to hold all the time. */
    static void hold(String what, long forMs, Callable<Boolean> condition) throws Exception {
        long deadline = System.nanoTime() + forMs * 1_000_000;
        while (System.nanoTime() < deadline) {
            check(condition.call(), what);
            Thread.sleep(20);
        }
    }

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static String text(MessageExt message) {
        return new String(message.getBody(), StandardCharsets.UTF_8);
    }

    void onClose(Runnable cleanup) {
        cleanups.push(cleanup);
    }

    DefaultMQProducer producer() throws MQClientException {
        if (shared == null) {
            shared = new DefaultMQProducer(name("producer"));
            start(shared);
        }
        return shared;
    }

    void start(DefaultMQProducer producer) throws MQClientException {
        producer.setNamesrvAddr(ns);
        producer.setSendMsgTimeout(10_000);
        producer.start();
        onClose(producer::shutdown);
    }

    /**
     * Makes a topic the way a producer does, by a first send, and waits until the name server tells its
     * route: a consumer that starts earlier would look for it again only after half a minute.
     */
    String topic(String suffix, int queues) throws Exception {
        String topic = name(suffix);
        DefaultMQProducer maker = new DefaultMQProducer(name(suffix + "-maker"));
        maker.setInstanceName("maker-" + suffix);
        maker.setNamesrvAddr(ns);
        maker.setSendMsgTimeout(10_000);
        maker.setDefaultTopicQueueNums(queues);
        maker.start();
        try {
            sent(maker.send(new Message(topic, bytes(WARM_UP))));
            await("the route of " + topic, () -> routeSize(maker, topic) == queues);
        } finally {
            maker.shutdown();
        }
        return topic;
    }

    static boolean isWarmUp(MessageExt message) {
        return text(message).equals(WARM_UP);
    }

    private static int routeSize(DefaultMQProducer maker, String topic) {
        try {
            return maker.fetchPublishMessageQueues(topic).size();
        } catch (MQClientException e) {
            return 0;
        }
    }

    static SendResult sent(SendResult result) {
        same(SendStatus.SEND_OK, result.getSendStatus(), "send status");
        check(result.getQueueOffset() >= 0, "queue offset " + result.getQueueOffset());
        check(result.getMsgId() != null && !result.getMsgId().isEmpty(), "no message id");
        return result;
    }

    SendResult send(String topic, String tag, String body) throws Exception {
        return sent(producer().send(new Message(topic, tag, bytes(body))));
    }

    SendResult sendTo(String topic, int queue, String body) throws Exception {
        return sent(producer().send(new Message(topic, bytes(body)),
                (queues, message, arg) -> queueWithId(queues, queue), null));
    }

    static MessageQueue queueWithId(List<MessageQueue> queues, int id) {
        for (MessageQueue queue : queues) {
            if (queue.getQueueId() == id) {
                return queue;
            }
        }
        throw new Failure("no queue " + id + " in " + queues);
    }

    /** Not started; begins at the first message unless told otherwise. */
    DefaultMQPushConsumer consumer(String group, String topic, String expression) throws Exception {
        return prepare(new DefaultMQPushConsumer(group), topic, expression);
    }

    DefaultMQPushConsumer prepare(DefaultMQPushConsumer consumer, String topic, String expression)
            throws Exception {
        consumer.setNamesrvAddr(ns);
        // Version 5 leaves a heartbeat out when another is on its way ("lock heartBeat, but failed"), and is told 25,
        // "the subscription is not latest", until its next one, which by default comes only after half a minute.
        consumer.setHeartbeatBrokerInterval(HEARTBEAT_MS);
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.setConsumeThreadMin(4);
        consumer.setConsumeThreadMax(4);
        consumer.subscribe(topic, expression);
        return consumer;
    }

    void start(DefaultMQPushConsumer consumer) throws MQClientException {
        consumer.start();
        onClose(consumer::shutdown);
    }

    /**
     * On a server that makes the group's retry topic at its first heartbeat, a first start and stop spares
     * the wait for the client's next look at routes.
     */
    void primeRetryTopic(String group, String topic) throws Exception {
        if (!prime) {
            return;
        }
        DefaultMQPushConsumer first = consumer(group, topic, "nothing");
        first.setInstanceName("primer-" + group);
        first.registerMessageListener((MessageListenerConcurrently) (messages, context) ->
                ConsumeConcurrentlyStatus.CONSUME_SUCCESS);
        first.start();
        try {
            DefaultMQProducer asker = producer();
            await("the retry topic of " + group, () -> routeSize(asker, "%RETRY%" + group) > 0);
        } finally {
            first.shutdown();
        }
    }

    /** The queues of a topic that a running consumer holds now. */
    static List<MessageQueue> held(DefaultMQPushConsumer consumer, String topic) {
        List<MessageQueue> queues = new ArrayList<>();
        for (MessageQueue queue : consumer.getDefaultMQPushConsumerImpl().getRebalanceImpl()
                .getProcessQueueTable().keySet()) {
            if (queue.getTopic().equals(topic)) {
                queues.add(queue);
            }
        }
        return queues;
    }

    /** The enum of message models moved between packages with version 5; its names did not. */
    static void broadcasting(DefaultMQPushConsumer consumer) throws Exception {
        for (Method method : DefaultMQPushConsumer.class.getMethods()) {
            if (method.getName().equals("setMessageModel")) {
                for (Object model : method.getParameterTypes()[0].getEnumConstants()) {
                    if (model.toString().equals("BROADCASTING")) {
                        method.invoke(consumer, model);
                        return;
                    }
                }
            }
        }
        throw new Failure("this client has no broadcasting");
    }

    /** This program once more, with the same options. */
    static List<String> ownCommand() {
        List<String> command = new ArrayList<>();
        command.add(System.getProperty("java.home") + File.separator + "bin" + File.separator + "java");
        command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
        command.add("-cp");
        command.add(System.getProperty("java.class.path"));
        command.add(Main.class.getName());
        return command;
    }

    @Override
    public void close() {
        while (!cleanups.isEmpty()) {
            try {
                cleanups.pop().run();
            } catch (RuntimeException e) {
                e.printStackTrace();
            }
        }
    }
}
