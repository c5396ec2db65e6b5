// SPDX-License-Identifier: Apache-2.0
package tidings.interop;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

/**
 * With message trace on, both sides work and the traces of sending and consuming can be read. One side after
 * the other: two tracing clients in one process are too much for the tracer of old clients.
 */
final class Trace implements Scenario {
    private static final String TRACE_TOPIC = "RMQ_SYS_TRACE_TOPIC";

    @Override
    public void run(Env env) throws Exception {
        String topic = env.topic("topic", 4);
        DefaultMQProducer producer = new DefaultMQProducer(env.name("traced"), true, null);
        env.start(producer);
        SendResult sent = Env.sent(producer.send(new Message(topic, "", "traced", Env.bytes("traced"))));
        Env.await("the trace of sending", () -> traces(env, sent.getMsgId()).contains("Pub"));
        producer.shutdown();

        Set<String> seen = ConcurrentHashMap.newKeySet();
        DefaultMQPushConsumer consumer = env.prepare(
                new DefaultMQPushConsumer(env.name("group"), true, null), topic, "*");
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            messages.forEach(message -> seen.add(Env.text(message)));
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        env.start(consumer);
        // A client of version 5 begins to trace a moment after it began to consume.
        Env.await("the first message", () -> seen.contains("traced"));
        SendResult next = env.send(topic, "", "next");
        Env.await("the second message", () -> seen.contains("next"));
        if (!env.consumeTraces) {
            return;
        }
        Env.await("the traces of consuming", () -> {
            String traces = traces(env, next.getMsgId());
            return traces.contains("SubBefore") && traces.contains("SubAfter");
        });
    }

    private static String traces(Env env, String messageId) {
        StringBuilder text = new StringBuilder();
        long now = System.currentTimeMillis();
        try {
            for (MessageExt trace : env.producer().queryMessage(TRACE_TOPIC, messageId, 32, now - 600_000,
                    now + 60_000).getMessageList()) {
                text.append(Env.text(trace));
            }
        } catch (Exception e) {
            return ""; // "no message" is an exception of this client
        }
        return text.toString();
    }
}
