"""What comes in, held against the schemas that the gateway serves."""

import json
import re
import urllib.error
import urllib.request

from jsonschema import Draft202012Validator, validators
from jsonschema.exceptions import ValidationError, best_match


class Malformed(Exception):
    """A message that no second try can mend."""


class GatewayAway(Exception):
    """The gateway can't be asked just now."""


class UnknownType(Exception):
    """The gateway serves no schema for a type."""


# What this program looks at of the envelope: https://github.com/cloudevents/spec
ENVELOPE = {
    "type": "object",
    "required": ["specversion", "id", "source", "type", "data"],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "minLength": 1, "maxLength": 255},
        "source": {"type": "string", "minLength": 1, "maxLength": 512},
        "type": {"type": "string"},
        "data": {"type": "object"},
    },
}


def _ecma_pattern(_validator, pattern, text, _schema):
    """Patterns are ECMA-262's, where `$` is the very end; to Python a line feed may follow."""
    token = r"\\.|\[(?:\\.|[^\]\\])*\]|\$"
    python = re.sub(token, lambda match: r"\Z" if match[0] == "$" else match[0], pattern)
    if isinstance(text, str) and not re.search(python, text):
        yield ValidationError(f"{text!r} does not match {pattern!r}")


Validator = validators.extend(Draft202012Validator, {"pattern": _ecma_pattern})


class Contracts:
    """The types that this program handles, each with the validator of its `data`."""

    def __init__(self, schemas):
        self._envelope = Validator(ENVELOPE)
        self._data = {type_: Validator(schema) for type_, schema in schemas.items()}

    def read(self, body):
        """Returns the envelope of a message body; raises Malformed with what is wrong."""
        try:
            envelope = json.loads(body.decode("utf-8"), parse_constant=_refuse)
        except (ValueError, RecursionError) as error:
            raise Malformed(f"the body is not JSON in UTF-8: {error}") from error
        _check(self._envelope, envelope, "envelope")
        if envelope["type"] not in self._data:
            raise Malformed(f"nothing here handles the type {envelope['type']!r}")
        _check(self._data[envelope["type"]], envelope["data"], "data")
        return envelope


def fetch_schema(gateway, type_):
    """Asks for /schemas/{type}.json of the gateway that was configured, never for a URL out of a message."""
    url = f"{gateway}/schemas/{type_}.json"
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            schema = json.load(answer)
    except urllib.error.HTTPError as error:
        if error.code == 404:
            raise UnknownType(f"{url} answers 404: is this the gateway, and does it know {type_}?") from error
        raise GatewayAway(f"{url} answers {error.code}") from error
    except (OSError, ValueError) as error:
        raise GatewayAway(f"{url} can't be read: {error}") from error
    Validator.check_schema(schema)
    return schema


def _check(validator, instance, name):
    error = best_match(validator.iter_errors(instance))
    if error is not None:
        raise Malformed(f"{name}{error.json_path[1:]}: {error.message[:300]}")


def _refuse(constant):
    raise ValueError(f"{constant} is no JSON")
