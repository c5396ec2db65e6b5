// SPDX-License-Identifier: Apache-2.0
package tidings.interop;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.rocketmq.acl.common.AclClientRPCHook;
import org.apache.rocketmq.acl.common.SessionCredentials;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.consumer.rebalance.AllocateMessageQueueAveragely;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.Message;

/**
 * Against a server with accounts (-Dacl=KEY:SECRET for all, READER:SECRET for one that may not publish): what is
 * signed well and permitted works, a wrong secret and a missing permission are refused with the reason.
 */
final class Accounts implements Scenario {
    private final String[] all = System.getProperty("acl", "").split("[:,]");

    @Override
    public void run(Env env) throws Exception {
        String topic = env.name("topic");
        DefaultMQProducer good = producer(env, "good", all[0], all[1]);
        Env.sent(good.send(new Message(topic, Env.bytes("first"))));
        Env.await("the route", () -> !good.fetchPublishMessageQueues(topic).isEmpty());
        List<String> seen = listen(env, topic, all[2], all[3]);
        Env.await("the first message", () -> seen.contains("first"));

        DefaultMQProducer wrong = producer(env, "wrong", all[0], all[1] + "x");
        refused(wrong, topic, "access key or signature is wrong");
        DefaultMQProducer nobody = producer(env, "nobody", "nobody-knows", all[1]);
        refused(nobody, topic, "access key or signature is wrong");
        DefaultMQProducer reader = producer(env, "reader", all[2], all[3]);
        refused(reader, topic, "PUB");

        Env.sent(good.send(new Message(topic, Env.bytes("last"))));
        Env.await("the last message", () -> seen.contains("last"));
        Env.same(2, seen.size(), "messages");
    }

    private static void refused(DefaultMQProducer producer, String topic, String reason) throws Exception {
        try {
            producer.send(new Message(topic, Env.bytes("refused")));
        } catch (org.apache.rocketmq.client.exception.MQClientException
                | org.apache.rocketmq.client.exception.MQBrokerException e) {
            StringBuilder said = new StringBuilder();
            for (Throwable cause = e; cause != null; cause = cause.getCause()) {
                said.append(cause.getMessage()).append('\n');
            }
            Env.check(said.indexOf(reason) >= 0, "refused, but without \"" + reason + "\": " + said);
            return;
        }
        throw new Failure("a message was taken that should be refused: " + reason);
    }

    private static AclClientRPCHook hook(String key, String secret) {
        return new AclClientRPCHook(new SessionCredentials(key, secret));
    }

    private static DefaultMQProducer producer(Env env, String name, String key, String secret) throws Exception {
        DefaultMQProducer producer = new DefaultMQProducer(env.name(name), hook(key, secret));
        producer.setInstanceName(env.name(name));
        producer.setRetryTimesWhenSendFailed(0);
        env.start(producer);
        return producer;
    }

    private static List<String> listen(Env env, String topic, String key, String secret) throws Exception {
        List<String> seen = new CopyOnWriteArrayList<>();
        DefaultMQPushConsumer consumer = env.prepare(new DefaultMQPushConsumer(env.name("group"), hook(key, secret),
                new AllocateMessageQueueAveragely()), topic, "*");
        consumer.setInstanceName(env.name("consumer"));
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            messages.forEach(message -> seen.add(Env.text(message)));
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        env.start(consumer);
        return seen;
    }
}
