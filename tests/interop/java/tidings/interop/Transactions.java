// SPDX-License-Identifier: Apache-2.0
package tidings.interop;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.LocalTransactionState;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.client.producer.TransactionListener;
import org.apache.rocketmq.client.producer.TransactionMQProducer;
import org.apache.rocketmq.client.producer.TransactionSendResult;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

/**
 * Transactional messages whose body is what the local transaction and each check answer, in order, as letters:
 * "C" commits at once, "UUC" knows nothing at first and at the first check and commits at the second. The last
 * answer repeats.
 */
final class Transactions implements Scenario {
    private static final String[] STORIES = {"C", "R", "UC", "UUC", "UUR"};
    private static final int EACH = 5;

    @Override
    public void run(Env env) throws Exception {
        String topic = env.topic("topic", 4);
        List<String> seen = listen(env, topic);
        Listener listener = new Listener();
        TransactionMQProducer producer = producer(env, env.name("producers"), listener);
        Map<String, Integer> checks = new TreeMap<>();
        for (String story : STORIES) {
            for (int i = 0; i < EACH; i++) {
                send(producer, topic, story + "-" + i);
                checks.put(story + "-" + i, story.length() - 1);
            }
        }
        Env.await("every check", () -> listener.checks.equals(atLeastOne(checks)));
        Env.await("what was committed", () -> seen.size() >= 3 * EACH);
        Env.hold("a message came that must not, or twice", 3_000, () -> seen.size() == 3 * EACH);
        for (String body : seen) {
            Env.check(body.contains("C"), body + " was rolled back and came");
        }
        Env.same(atLeastOne(checks), listener.checks, "checks");
    }

    private static Map<String, Integer> atLeastOne(Map<String, Integer> checks) {
        Map<String, Integer> asked = new TreeMap<>(checks);
        asked.values().removeIf(count -> count == 0);
        return asked;
    }

    /** Bodies in the order of coming, but for the message that made the topic. */
    static List<String> listen(Env env, String topic) throws Exception {
        List<String> seen = new CopyOnWriteArrayList<>();
        DefaultMQPushConsumer consumer = env.consumer(env.name("group"), topic, "*");
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            messages.stream().filter(message -> !Env.isWarmUp(message)).map(Env::text).forEach(seen::add);
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        env.start(consumer);
        return seen;
    }

    static TransactionMQProducer producer(Env env, String group, TransactionListener listener) throws Exception {
        TransactionMQProducer producer = new TransactionMQProducer(group);
        producer.setInstanceName(group + "-" + ProcessHandle.current().pid());
        producer.setTransactionListener(listener);
        env.start(producer);
        return producer;
    }

    static void send(TransactionMQProducer producer, String topic, String body) throws Exception {
        TransactionSendResult result =
                producer.sendMessageInTransaction(new Message(topic, Env.bytes(body)), null);
        Env.same(SendStatus.SEND_OK, result.getSendStatus(), "send status");
    }

    /** Answers as the body says, and counts the checks of each. */
    static final class Listener implements TransactionListener {
        final Map<String, Integer> checks = new ConcurrentHashMap<>();

        @Override
        public LocalTransactionState executeLocalTransaction(Message message, Object arg) {
            return state(new String(message.getBody(), java.nio.charset.StandardCharsets.UTF_8), 0);
        }

        @Override
        public LocalTransactionState checkLocalTransaction(MessageExt message) {
            String body = Env.text(message);
            return state(body, checks.merge(body, 1, Integer::sum));
        }

        private static LocalTransactionState state(String body, int at) {
            String story = body.substring(0, body.indexOf('-'));
            switch (story.charAt(Math.min(at, story.length() - 1))) {
                case 'C': return LocalTransactionState.COMMIT_MESSAGE;
                case 'R': return LocalTransactionState.ROLLBACK_MESSAGE;
                default: return LocalTransactionState.UNKNOW;
            }
        }
    }
}
