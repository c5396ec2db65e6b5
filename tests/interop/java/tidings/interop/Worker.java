// SPDX-License-Identifier: Apache-2.0
package tidings.interop;

import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;

/**
 * A consumer in a process of its own: "--worker GROUP TOPIC LIMIT_SECONDS". Prints "HOLDS n" when the number
 * of its queues changes and "GOT body" for each message before it is acknowledged. Ends when its standard
 * input ends, when it is killed, or after the limit.
 */
final class Worker {
    private Worker() {
    }

    static void run(String[] args) throws Exception {
        String group = args[1];
        String topic = args[2];
        long limit = System.nanoTime() + TimeUnit.SECONDS.toNanos(Long.parseLong(args[3]));
        try (Env env = new Env("worker")) {
            DefaultMQPushConsumer consumer = env.consumer(group, topic, "*");
            consumer.setInstanceName("worker-" + ProcessHandle.current().pid());
            consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
                messages.forEach(message -> say("GOT " + Env.text(message)));
                return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
            });
            env.start(consumer);
            int held = -1;
            while (System.nanoTime() < limit && !inputEnded()) {
                int now = Env.held(consumer, topic).size();
                if (now != held) {
                    say("HOLDS " + now);
                    held = now;
                }
                Thread.sleep(50);
            }
        }
        Runtime.getRuntime().halt(0);
    }

    private static boolean inputEnded() throws java.io.IOException {
        return System.in.available() > 0 && System.in.read() == 'q';
    }

    private static synchronized void say(String line) {
        System.out.println(line);
        System.out.flush();
    }
}
