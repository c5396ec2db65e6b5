// SPDX-License-Identifier: Apache-2.0
package org.apache.rocketmq.test.base;

import java.util.ArrayList;
import java.util.List;
import org.apache.rocketmq.broker.BrokerController;
import org.apache.rocketmq.client.producer.TransactionListener;
import org.apache.rocketmq.namesrv.NamesrvController;
import org.apache.rocketmq.test.client.rmq.RMQAsyncSendProducer;
import org.apache.rocketmq.test.client.rmq.RMQNormalConsumer;
import org.apache.rocketmq.test.client.rmq.RMQNormalProducer;
import org.apache.rocketmq.test.client.rmq.RMQTransactionalProducer;
import org.apache.rocketmq.test.clientinterface.AbstractMQConsumer;
import org.apache.rocketmq.test.clientinterface.AbstractMQProducer;
import org.apache.rocketmq.test.factory.ConsumerFactory;
import org.apache.rocketmq.test.listener.AbstractListener;
import org.apache.rocketmq.test.util.MQRandomUtils;
import org.junit.Assert;

/**
 * Stands in front of the class of the same name in RocketMQ's own tests, so that they run against the server that is at
 * -Dns instead of one that they start in their own process.
 */
public class BaseConf {
    public static String nsAddr = System.getProperty("ns");
    protected static String broker1Name = "broker-a";
    protected static String broker2Name = "broker-a";
    protected static String clusterName = "DefaultCluster";
    protected static int brokerNum = 1;
    protected static int waitTime = 5;
    protected static int consumeTime = 120 * 1000;
    protected static NamesrvController namesrvController;
    protected static BrokerController brokerController1;
    protected static BrokerController brokerController2;
    protected static List<Object> mqClients = new ArrayList<>();
    protected static boolean debug;

    public static String initTopic() {
        return initTopicWithName(MQRandomUtils.getRandomTopic());
    }

    public static String initTopicWithName(String topic) {
        if (!IntegrationTestBase.initTopic(topic, nsAddr, clusterName)) {
            Assert.fail("topic " + topic + " cannot be made");
        }
        return topic;
    }

    public static String initConsumerGroup() {
        return initConsumerGroup(MQRandomUtils.getRandomConsumerGroup());
    }

    public static String initConsumerGroup(String group) {
        return group;
    }

    private static <T> T known(T client) {
        mqClients.add(client);
        return client;
    }

    public static RMQNormalProducer getProducer(String nsAddr, String topic) {
        return getProducer(nsAddr, topic, false);
    }

    public static RMQNormalProducer getProducer(String nsAddr, String topic, boolean useTls) {
        return known(new RMQNormalProducer(nsAddr, topic, useTls));
    }

    public static RMQTransactionalProducer getTransactionalProducer(String nsAddr, String topic,
            TransactionListener listener) {
        return known(new RMQTransactionalProducer(nsAddr, topic, false, listener));
    }

    public static RMQNormalProducer getProducer(String nsAddr, String topic, String group, String instance) {
        return known(new RMQNormalProducer(nsAddr, topic, group, instance));
    }

    public static RMQAsyncSendProducer getAsyncProducer(String nsAddr, String topic) {
        return known(new RMQAsyncSendProducer(nsAddr, topic));
    }

    public static RMQNormalConsumer getConsumer(String nsAddr, String topic, String expression,
            AbstractListener listener) {
        return getConsumer(nsAddr, topic, expression, listener, false);
    }

    public static RMQNormalConsumer getConsumer(String nsAddr, String topic, String expression,
            AbstractListener listener, boolean useTls) {
        return getConsumer(nsAddr, initConsumerGroup(), topic, expression, listener, useTls);
    }

    public static RMQNormalConsumer getConsumer(String nsAddr, String group, String topic, String expression,
            AbstractListener listener) {
        return getConsumer(nsAddr, group, topic, expression, listener, false);
    }

    public static RMQNormalConsumer getConsumer(String nsAddr, String group, String topic, String expression,
            AbstractListener listener, boolean useTls) {
        return known(ConsumerFactory.getRMQNormalConsumer(nsAddr, group, topic, expression, listener, useTls));
    }

    public static void shutdown() {
        for (Object client : mqClients) {
            if (client instanceof AbstractMQProducer) {
                ((AbstractMQProducer) client).shutdown();
            } else if (client instanceof AbstractMQConsumer) {
                ((AbstractMQConsumer) client).shutdown();
            }
        }
        mqClients.clear();
    }
}
