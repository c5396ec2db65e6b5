// SPDX-License-Identifier: Apache-2.0
package tidings.interop;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.producer.LocalTransactionState;
import org.apache.rocketmq.client.producer.TransactionListener;
import org.apache.rocketmq.client.producer.TransactionMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

/** A producer is killed between its half messages and their end; another of its group answers the checks. */
final class TransactionTakeover implements Scenario {
    private static final int MESSAGES = 20;

    @Override
    public void run(Env env) throws Exception {
        String topic = env.topic("topic", 4);
        String group = env.name("producers");
        List<String> seen = Transactions.listen(env, topic);
        sendAndDie(env, group, topic);
        Env.hold("a message came that nobody had committed", 1_500, seen::isEmpty);

        Transactions.Listener listener = new Transactions.Listener();
        TransactionMQProducer heir = Transactions.producer(env, group, listener);
        Transactions.send(heir, topic, "C-own"); // it is known to the broker then
        Set<String> expected = new TreeSet<>();
        expected.add("C-own");
        for (int i = 0; i < MESSAGES; i++) {
            expected.add("UC-" + i);
        }
        Env.await("the messages of the killed one", () -> seen.containsAll(expected));
        Env.hold("a message came twice", 2_000, () -> seen.size() == expected.size());
        Env.same(MESSAGES, listener.checks.size(), "messages that were asked about");
    }

    private static void sendAndDie(Env env, String group, String topic) throws Exception {
        List<String> command = Env.ownCommand();
        command.add("--halves");
        command.add(group);
        command.add(topic);
        command.add(String.valueOf(MESSAGES));
        Process worker = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        env.onClose(worker::destroyForcibly);
        try (BufferedReader lines = new BufferedReader(new InputStreamReader(worker.getInputStream(),
                StandardCharsets.UTF_8))) {
            String line = lines.readLine();
            Env.check("SENT".equals(line), "the other process said " + line);
            worker.destroyForcibly();
        }
        Env.check(worker.waitFor(10, TimeUnit.SECONDS), "the killed process lives");
    }

    /** The other process: "--halves GROUP TOPIC COUNT". Leaves every one open, says so and waits to be killed. */
    static void halves(String[] args) throws Exception {
        try (Env env = new Env("halves")) {
            TransactionMQProducer producer = Transactions.producer(env, args[1], new Undecided());
            for (int i = 0; i < Integer.parseInt(args[3]); i++) {
                Transactions.send(producer, args[2], "UC-" + i);
            }
            System.out.println("SENT");
            System.out.flush();
            Thread.sleep(Env.WAIT_MS);
        }
        Runtime.getRuntime().halt(1);
    }

    private static final class Undecided implements TransactionListener {
        @Override
        public LocalTransactionState executeLocalTransaction(
                Message message, Object arg) {
            return LocalTransactionState.UNKNOW;
        }

        @Override
        public LocalTransactionState checkLocalTransaction(
                MessageExt message) {
            return LocalTransactionState.UNKNOW;
        }
    }
}
