#!/usr/bin/env python3
"""Sends one order to Warren as the command order.place.v1. README.md says how to run it."""

import argparse
import datetime
import json
import logging
import os
import random
import re
import secrets
import sys
import time
import urllib.error
import urllib.request
import uuid

import pika
from jsonschema import Draft202012Validator, validators
from jsonschema.exceptions import ValidationError
from pika.exceptions import AMQPError, ChannelClosedByBroker, NackError, UnroutableError
from pika.exceptions import ProbableAccessDeniedError, ProbableAuthenticationError

log = logging.getLogger("producer")

EXCHANGE = "orders.commands"
TYPE = "order.place.v1"
SOURCE = "/guest-producer"

DONE, UNAVAILABLE, REFUSED = 0, 1, 3
NOT_FOUND = 404


class Refused(Exception):
    """Sending the same again won't help; the message says what will."""


class Unavailable(Exception):
    """Worth another try."""


def main():
    options = parse_options()
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("pika").setLevel(logging.CRITICAL)  # what it would say is in the errors below
    envelope = None
    deadline = time.monotonic() + options.patience
    longest = 1.0
    while True:
        try:
            # Made once: each further try is the same message, which has its effect once.
            envelope = envelope or make_envelope(options, fetch_schema(options.gateway))
            publish(options.brokers, envelope)
            print(json.dumps({"orderId": envelope["subject"], "messageId": envelope["id"]}))
            return DONE
        except Refused as error:
            log.error("%s", error)
            return REFUSED
        except Unavailable as error:
            delay = random.uniform(longest / 2, longest)
            longest = min(30.0, longest * 2)
            if time.monotonic() + delay > deadline:
                log.error("not confirmed after %d s: %s", options.patience, error)
                if envelope:
                    log.error("it may have been sent; again: --id %s --order-id %s", envelope["id"], envelope["subject"])
                return UNAVAILABLE
            log.warning("trying again in %.1f s: %s", delay, error)
            time.sleep(delay)


def parse_options():
    parser = argparse.ArgumentParser(
        description="Sends one order to Warren as the command order.place.v1, and prints its ids as JSON when the"
        " broker has it.",
        epilog="Ends with 0 when the broker confirmed the message, 1 when it could not in time, 2 when it is called"
        " wrongly, 3 when the message or this user was refused.",
    )
    parser.add_argument("--customer", required=True, type=id_of, help="id of the account that orders")
    parser.add_argument(
        "--line",
        required=True,
        action="append",
        type=line_of,
        metavar="SKU=QUANTITY",
        help="what is ordered; several times for several lines",
    )
    parser.add_argument("--order-id", type=id_of, help="id that the order will have. Default: a new one")
    parser.add_argument("--id", type=id_of, help="id of the message, to send one again. Default: a new one")
    parser.add_argument(
        "--amqp-url",
        default=os.environ.get("WARREN_AMQP_URL"),
        help="broker, as guest-producer; nodes of a cluster separated by commas. Default: $WARREN_AMQP_URL, where"
        " others can't read its password",
    )
    parser.add_argument(
        "--gateway",
        default=os.environ.get("WARREN_GATEWAY_URL", "http://127.0.0.1:7080"),
        help="where schemas are served. Default: $WARREN_GATEWAY_URL, or http://127.0.0.1:7080",
    )
    parser.add_argument("--patience", type=float, default=60, help="seconds to try for. Default: 60")
    options = parser.parse_args()
    options.gateway = options.gateway.rstrip("/")
    if not options.gateway.startswith(("http://", "https://")):
        parser.error("--gateway must begin with http:// or https://")
    if not options.amqp_url:
        parser.error("name the broker: set WARREN_AMQP_URL, for example from .warren/credentials/guest-producer.env")
    try:
        options.brokers = [pika.URLParameters(url.strip()) for url in options.amqp_url.split(",")]
    except Exception as error:  # pika says it with many classes
        parser.error(f"the broker's URL must look like amqp://user:password@host:5672/vhost ({type(error).__name__})")
    for broker in options.brokers:
        broker.blocked_connection_timeout = 10  # a broker that is short of memory or disk
    return options


def id_of(text):
    try:
        return str(uuid.UUID(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no UUID") from error


def line_of(text):
    sku, _, quantity = text.rpartition("=")
    if not sku or not re.fullmatch("[0-9]{1,9}", quantity):
        raise argparse.ArgumentTypeError(f"{text!r} is not SKU=QUANTITY, for example SKU-TEAPOT=2")
    return {"sku": sku, "quantity": int(quantity)}


def uuid7():
    """Ordered by time: RFC 9562, section 5.7. Python has its own from 3.14 on."""
    value = (time.time_ns() // 1_000_000 << 80) | secrets.randbits(80)
    value = value & ~(0xF << 76) | 0x7 << 76
    return str(uuid.UUID(int=value & ~(0x3 << 62) | 0x2 << 62))


def make_envelope(options, schema):
    """The CloudEvents envelope of the command, its data held against the schema before anybody else sees it."""
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    message_id, order_id = options.id or uuid7(), options.order_id or uuid7()
    data = {"orderId": order_id, "customerId": options.customer, "lines": options.line, "acceptedAt": now}
    errors = [f"data{error.json_path[1:]}: {error.message[:300]}" for error in Validator(schema).iter_errors(data)]
    if errors:
        raise Refused(f"this is no {TYPE}: {'; '.join(errors)}")
    return {
        "specversion": "1.0",
        "id": message_id,
        "source": SOURCE,
        "type": TYPE,
        "subject": order_id,
        "time": now,
        "datacontenttype": "application/json",
        "dataschema": f"{options.gateway}/schemas/{TYPE}.json",
        "sequence": "0000000000",  # a command has no version of its order yet
        "correlationid": message_id,  # what follows from this message has it too
        "data": data,
    }


def publish(brokers, envelope):
    """Returns when the broker has the message on disk and in the queue of the service that handles it."""
    properties = pika.BasicProperties(
        content_type="application/cloudevents+json; charset=utf-8",
        delivery_mode=2,
        message_id=envelope["id"],
        type=envelope["type"],
        timestamp=int(time.time()),
        app_id="guest-producer",
        correlation_id=envelope["correlationid"],
    )
    body = json.dumps(envelope, ensure_ascii=False).encode("utf-8")
    try:
        connection = pika.BlockingConnection(brokers)
        try:
            channel = connection.channel()
            channel.confirm_delivery()
            channel.basic_publish(EXCHANGE, TYPE, body, properties, mandatory=True)
        finally:
            if connection.is_open:
                connection.close()
    except (ProbableAuthenticationError, ProbableAccessDeniedError) as error:
        raise Refused(f"the broker lets this user not in: check WARREN_AMQP_URL ({error})") from error
    except UnroutableError as error:
        raise Unavailable(f"no queue receives {TYPE} yet: order-service has not been started") from error
    except NackError as error:
        raise Unavailable("the broker could not take the message") from error
    except ChannelClosedByBroker as error:
        if error.reply_code == NOT_FOUND:
            raise Unavailable(f"{EXCHANGE} is not there yet: has Warren been started?") from error
        raise Refused(f"the broker refuses it; use the user guest-producer: {error.reply_text}") from error
    except (AMQPError, OSError) as error:
        raise Unavailable(str(error) or type(error).__name__) from error


def _ecma_pattern(_validator, pattern, text, _schema):
    """Patterns are ECMA-262's, where `$` is the very end; to Python a line feed may follow."""
    token = r"\\.|\[(?:\\.|[^\]\\])*\]|\$"
    python = re.sub(token, lambda match: r"\Z" if match[0] == "$" else match[0], pattern)
    if isinstance(text, str) and not re.search(python, text):
        yield ValidationError(f"{text!r} does not match {pattern!r}")


Validator = validators.extend(Draft202012Validator, {"pattern": _ecma_pattern})


def fetch_schema(gateway):
    url = f"{gateway}/schemas/{TYPE}.json"
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        if error.code == 404:
            raise Refused(f"{url} answers 404: is this the gateway, and does it know {TYPE}?") from error
        raise Unavailable(f"{url} answers {error.code}") from error
    except (OSError, ValueError) as error:
        raise Unavailable(f"{url} can't be read: {error}") from error


if __name__ == "__main__":
    sys.exit(main())
