#!/usr/bin/env python3
"""Keeps count of what was sold, from Warren's order.placed.v1 events. README.md says how to run it."""

import argparse
import json
import logging
import os
import random
import signal
import sqlite3
import sys
import time

import pika
from pika.exceptions import AMQPError, ChannelClosedByBroker, ProbableAccessDeniedError, ProbableAuthenticationError

from contracts import Contracts, GatewayAway, Malformed, UnknownType, fetch_schema
from ledger import Ledger

log = logging.getLogger("consumer")

EXCHANGE = "orders.events"
TYPES = ("order.placed.v1",)
DEAD_LETTER_EXCHANGE = "guest-consumer.dead-letter"
PREFETCH = 20

NOT_FOUND, ACCESS_REFUSED, PRECONDITION_FAILED = 404, 403, 406


class Misconfigured(Exception):
    """Trying again won't help; the message says what will."""


class Stop:
    """Asked for by SIGTERM or SIGINT; what is in hand is finished first."""

    def __init__(self):
        self.asked = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)

    def _ask(self, _number, _frame):
        self.asked = True

    def wait(self, seconds, sleep=time.sleep):
        """Returns early when asked to stop."""
        until = time.monotonic() + seconds
        while not self.asked and (left := until - time.monotonic()) > 0:
            sleep(min(left, 0.2))


class Backoff:
    """Seconds to wait: twice as long after each failure, up to 30, of which a random half."""

    def __init__(self):
        self._failures = 0

    def next(self):
        self._failures = min(self._failures + 1, 6)
        longest = min(30.0, 0.5 * 2**self._failures)
        return random.uniform(longest / 2, longest)

    def reset(self):
        self._failures = 0


def main():
    options = parse_options()
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("pika").setLevel(logging.CRITICAL)  # what it would say is in the errors below
    try:
        ledger = Ledger(options.database)
    except sqlite3.Error as error:
        log.error("%s can't be opened: %s. Name a file that can be written with --database.", options.database, error)
        return 1
    try:
        if options.report:
            print(json.dumps(ledger.report(), indent=2))
            return 0
        stop = Stop()
        contracts = fetch_contracts(options.gateway, stop)
        if contracts is not None:
            consume(options, contracts, ledger, stop)
        log.info("stopped")
        return 0
    except (Misconfigured, UnknownType) as error:
        log.error("%s", error)
        return 1
    finally:
        ledger.close()


def parse_options():
    parser = argparse.ArgumentParser(
        description="Keeps count of what was sold, from Warren's order.placed.v1 events.",
        epilog="SIGTERM or Ctrl-C stops it. It ends with 0 when it was stopped, 1 when it can't work, 2 when it is"
        " called wrongly.",
    )
    parser.add_argument(
        "--amqp-url",
        default=os.environ.get("WARREN_AMQP_URL"),
        help="broker, as guest-consumer; nodes of a cluster separated by commas. Default: $WARREN_AMQP_URL, where"
        " others can't read its password",
    )
    parser.add_argument(
        "--gateway",
        default=os.environ.get("WARREN_GATEWAY_URL", "http://127.0.0.1:7080"),
        help="where schemas are served. Default: $WARREN_GATEWAY_URL, or http://127.0.0.1:7080",
    )
    parser.add_argument("--database", default="sales.sqlite", help="file for the sales. Default: sales.sqlite")
    parser.add_argument(
        "--queue",
        default="guest-consumer.sales",
        help="a queue of your own, guest-consumer.<purpose>; two programs with one queue share its messages."
        " Default: guest-consumer.sales",
    )
    parser.add_argument("--report", action="store_true", help="print the sales as JSON and end")
    options = parser.parse_args()
    options.gateway = options.gateway.rstrip("/")
    if options.report:
        return options
    if not options.gateway.startswith(("http://", "https://")):
        parser.error("--gateway must begin with http:// or https://")
    if not options.queue.startswith("guest-consumer.") or len(options.queue) > 200:
        parser.error("--queue must be named guest-consumer.<purpose>: others may not be made by outsiders")
    if not options.amqp_url:
        parser.error("name the broker: set WARREN_AMQP_URL, for example from .warren/credentials/guest-consumer.env")
    try:
        options.brokers = [pika.URLParameters(url.strip()) for url in options.amqp_url.split(",")]
    except Exception as error:  # pika says it with many classes
        parser.error(f"the broker's URL must look like amqp://user:password@host:5672/vhost ({type(error).__name__})")
    return options


def fetch_contracts(gateway, stop):
    """The schemas of what is handled, as soon as the gateway answers. None when asked to stop before."""
    backoff = Backoff()
    while not stop.asked:
        try:
            return Contracts({type_: fetch_schema(gateway, type_) for type_ in TYPES})
        except GatewayAway as error:
            delay = backoff.next()
            log.warning("waiting %.1f s for the gateway: %s", delay, error)
            stop.wait(delay)
    return None


def consume(options, contracts, ledger, stop):
    """Consumes until asked to stop, on one connection after the other."""
    backoff = Backoff()
    while not stop.asked:
        try:
            connection = pika.BlockingConnection(options.brokers)
            try:
                channel = open_channel(connection, options.queue)
                log.info("consuming %s", options.queue)
                backoff.reset()
                consume_on(connection, channel, options.queue, contracts, ledger, stop)
            finally:
                if connection.is_open:
                    connection.close()
        except (ProbableAuthenticationError, ProbableAccessDeniedError) as error:
            raise Misconfigured(f"the broker lets this user not in: check WARREN_AMQP_URL ({error})") from error
        except (AMQPError, OSError) as error:
            if stop.asked:
                return  # what was not acknowledged is delivered again
            delay = backoff.next()
            log.warning("connecting again in %.1f s: %s", delay, str(error) or type(error).__name__)
            stop.wait(delay)


def open_channel(connection, queue):
    """Makes the queue, where its dead letters go, and its bindings; all of it is found again the next time."""
    channel = connection.channel()
    channel.basic_qos(prefetch_count=PREFETCH)
    dead = f"{queue}.dead"
    try:
        channel.exchange_declare(DEAD_LETTER_EXCHANGE, "direct", durable=True)
        # A million: looking at dead letters must not count as failing to deliver them.
        channel.queue_declare(dead, durable=True, arguments={"x-queue-type": "quorum", "x-delivery-limit": 1_000_000})
        channel.queue_bind(dead, DEAD_LETTER_EXCHANGE, queue)
        channel.queue_declare(
            queue,
            durable=True,
            arguments={
                "x-queue-type": "quorum",
                "x-delivery-limit": 50,  # the last net, for a message that ends the process each time
                "x-dead-letter-exchange": DEAD_LETTER_EXCHANGE,
                "x-dead-letter-routing-key": queue,
                "x-dead-letter-strategy": "at-least-once",
                "x-overflow": "reject-publish",
            },
        )
        for type_ in TYPES:
            channel.queue_bind(queue, EXCHANGE, type_)
    except ChannelClosedByBroker as error:
        if error.reply_code == ACCESS_REFUSED:
            raise Misconfigured(f"this user may not do that, use guest-consumer: {error.reply_text}") from error
        if error.reply_code == PRECONDITION_FAILED:
            raise Misconfigured(
                f"it is there with other arguments; delete it when it is empty, or take another --queue: {error.reply_text}"
            ) from error
        if error.reply_code == NOT_FOUND:
            log.warning("%s is not there yet: has Warren been started?", EXCHANGE)
        raise
    return channel


def consume_on(connection, channel, queue, contracts, ledger, stop):
    for method, _properties, body in channel.consume(queue, inactivity_timeout=0.5):
        if stop.asked:
            break
        if method is not None:
            settle(connection, channel, method.delivery_tag, body, contracts, ledger, stop)
    else:
        raise AMQPError(f"the broker took the consumer of {queue} away")
    channel.cancel()  # gives back what was fetched ahead


def settle(connection, channel, tag, body, contracts, ledger, stop):
    """Acknowledges a message after its effect is on the disk, or rejects it for good. It never goes back to the queue."""
    try:
        envelope = contracts.read(body)
    except Malformed as error:
        log.error("rejected: %s", error)
        channel.basic_reject(tag, requeue=False)
        return
    name = f"{envelope['type']} {envelope['id']}"
    backoff = Backoff()
    while True:
        try:
            is_new = ledger.record(envelope)
            break
        except sqlite3.OperationalError as error:  # locked, or the disk is full: true of the next message as well
            delay = backoff.next()
            log.warning("%s waits %.1f s for the database: %s", name, delay, error)
            stop.wait(delay, sleep=connection.sleep)  # which also answers heartbeats
            if stop.asked:
                return
        except Exception:
            log.exception("rejected: %s", name)
            channel.basic_reject(tag, requeue=False)
            return
    channel.basic_ack(tag)
    log.info("%s %s", "counted" if is_new else "known already:", name)


if __name__ == "__main__":
    sys.exit(main())
